"""Text that follows from declarations in mazu_ls: settings, commands and their types."""
