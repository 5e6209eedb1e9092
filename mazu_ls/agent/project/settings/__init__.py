"""Reading the settings of a project, and what is wrong with them."""
