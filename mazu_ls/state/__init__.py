"""The state of projects: where it is, which project it belongs to, taking it over, backing it up."""
