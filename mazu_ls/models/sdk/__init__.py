"""The providers' SDKs, of which only what a request needs is imported."""
