"""Invoices: what usage costs, drafts that change with it, and what is final once issued. Only described so far."""
