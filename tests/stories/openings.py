"""How stories begin."""

# One usage charge at 0.02 a call, by calendar months from the first of January on.
CALLS = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
"""
