"""A project: settings, stores, tools and role shared by its sessions."""
