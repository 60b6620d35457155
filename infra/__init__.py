"""Packages, deploys and watches the service: the template of its resources, never deployed itself."""
