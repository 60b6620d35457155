"""The console: the page on which people see their usage, invoices and credits, and its files."""
