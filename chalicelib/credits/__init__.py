"""Credits: prepaid grants, their drawdown by the time of use, and the ledger that proves it. Only described so far."""
