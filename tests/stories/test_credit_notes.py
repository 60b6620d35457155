"""Credit notes: what they take back of an unpaid, a partly paid and a paid invoice, with its tax."""

from tests.stories.story import Play

_INVOICED = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 5000
        2026-02-02 billing
                   invoice      1p0
                   line         calls 5000 x 0.02 = 100.00
                   tax          19.00
                   total        119.00
"""


def test_a_note_on_an_unpaid_invoice_lowers_what_is_due(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 credit-note  1p0 usage-calls 40.00 to refund
                   number       ACME-CN-000001
                   net          40.00
                   tax          40.00 x 0.19 = 7.60
                   credited     47.60
                   refund       0.00
                   granted      0.00
                   invoice      1p0
                   due          119.00 - 47.60 = 71.40
                   total        119.00
                   payment      unpaid
        2026-02-04 pay          1p0 71.41 r1                              -> refused 409
        2026-02-04 pay          1p0 71.40 r1
                   payment      paid
        """
    )


def test_a_note_on_a_partly_paid_invoice_first_lowers_what_is_due(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 pay          1p0 100.00 r1
                   due          19.00
                   payment      partly_paid
        2026-02-04 credit-note  1p0 usage-calls 40.00 to refund
                   tax          7.60
                   credited     19.00
                   refund       47.60 - 19.00 = 28.60
                   invoice      1p0
                   due          0.00
                   refunded     28.60
                   payment      paid
        """
    )


def test_a_note_on_a_paid_invoice_is_refunded_with_its_tax(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 pay          1p0 119.00 r1
        2026-02-04 credit-note  1p0 usage-calls 40.00 to refund
                   credited     0.00
                   refund       40.00 x 1.19 = 47.60
                   grants       none
                   invoice      1p0
                   due          0.00
                   paid         119.00
        """
    )


def test_a_note_on_a_paid_invoice_becomes_credit_of_its_net(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 pay          1p0 119.00 r1
        2026-02-04 credit-note  1p0 usage-calls 40.00 to credit
                   net          40.00
                   tax          7.60
                   credited     0.00
                   refund       0.00
                   granted      40.00
                   grants       40.00
        """
    )


def test_a_note_to_credit_grants_only_the_part_that_was_paid(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 pay          1p0 100.00 r1
        2026-02-04 credit-note  1p0 usage-calls 40.00 to credit
                   credited     19.00
                   granted      40.00 - [40.00 x 19.00 / 47.60] = 24.03
                   grants       24.03
                   invoice      1p0
                   due          0.00
        """
    )


def test_notes_never_take_back_more_than_a_lines_net(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month discount 10
                   charge       calls 0.02
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 5000
        2026-02-02 billing
                   invoice      1p0
                   line         calls 5000 x 0.02 = 100.00
                   discount     10.00
        2026-02-03 credit-note  1p1 usage-calls 1.00 to refund            -> refused 409
        2026-02-03 credit-note  1p0 discount 1.00 to refund               -> refused 422
        2026-02-03 credit-note  1p0 usage-calls 90.01 to refund           -> refused 422
        2026-02-03 credit-note  1p0 usage-calls 60.00 to refund
        2026-02-03 credit-note  1p0 usage-calls 30.01 to refund           -> refused 422
        2026-02-03 credit-note  1p0 usage-calls 30.00 to refund
                   number       ACME-CN-000002
                   invoice      1p0
                   due          0.00
                   credited     90.00
                   payment      paid
        """
    )


def test_the_last_note_takes_the_rounding_remainder_of_the_tax(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month
                   charge       calls 0.01
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
                   invoice      1p0
                   line         calls 1000 x 0.01 = 10.00
                   tax          10.00 x 0.19 = 1.90
        2026-02-03 credit-note  1p0 usage-calls 3.33 to refund
                   tax          3.33 x 0.19 = 0.63
        2026-02-04 credit-note  1p0 usage-calls 3.33 to refund
                   tax          3.33 x 0.19 = 0.63
        2026-02-05 credit-note  1p0 usage-calls 3.34 to refund
                   tax          1.90 - 0.63 - 0.63 = 0.64                 # 3.34 x 0.19 alone would be 0.63
                   invoice      1p0
                   due          0.00
                   credited     11.90
        """
    )


def test_a_note_of_several_lines_adds_them_up(play: Play) -> None:
    play(
        """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC VAT 19
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          base 30.00 arrears
        2026-01-01 subscribe    acme pro
        2026-01-10 event        e1 acme calls 5000
        2026-02-02 billing
        2026-02-03 credit-note  1p0 usage-calls 10.00 fee-base 5.00 to refund
                   net          15.00
                   tax          15.00 x 0.19 = 2.85
                   credited     17.85
                   invoice      1p0
                   line         calls 5000 x 0.02 = 100.00
                   fee          base 30.00
                   due          130.00 x 1.19 - 17.85 = 136.85
        """
    )


def test_a_refund_keeps_its_payment_from_being_reversed(play: Play) -> None:
    play(
        _INVOICED
        + """
        2026-02-03 pay          1p0 60.00 r1
        2026-02-03 pay          1p0 59.00 r2
        2026-02-04 credit-note  1p0 usage-calls 60.00 to refund
                   refund       71.40
        2026-02-05 reverse      1p0 pay_2 bounced                         -> refused 409
        """
    )
