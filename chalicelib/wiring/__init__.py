"""What ``app.py`` connects, each imported when it is needed: a process of Lambda is one function, and begins often."""
