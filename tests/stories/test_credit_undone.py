"""Credit that comes back: invoices that are voided, credit notes, unused fees, amounts that were carried."""

from tests.stories.openings import CALLS
from tests.stories.story import Play


def test_an_invoice_that_is_made_again_draws_on_the_windows_of_its_period(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 30.00 expires 2026-02-01
        2026-01-01 grant        H 50.00 from 2026-02-01 priority 1
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
        2026-02-02 settle
                   entry        newest expiry G -10.00
        2026-02-10 void         1p0 regenerate wrong
                   entry        newest reversal G 20.00 of 1p0
                   balance      G consumed 0.00 pending 20.00 expired 10.00
                   draft        1p0.1
                   drawdown     usage-calls G 20.00
        2026-02-10 settle
                   entry        newest reversal G 20.00 of 1p0
        2026-02-10 event        e2 acme calls 100 at 2026-01-31
                   draft        1p0.1
                   drawdown     usage-calls G 20.00                       # what had expired is gone
                   total        2.00
        2026-02-11 billing
                   invoice      1p0.1
                   drawdown     usage-calls G 20.00
                   due          2.00
                   balance      G consumed 20.00 expired 10.00 remaining 0.00
                   balance      H remaining 50.00
        """
    )


def test_what_comes_back_to_an_ended_grant_expires_when_no_draft_can_claim_it(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 30.00 expires 2026-02-01
        2026-01-01 grant        V 10.00 priority 1
        2026-01-10 event        e1 acme calls 1000
        2026-01-20 void-event   e1
        2026-01-20 void-grant   V
        2026-01-20 event        e2 acme calls 500 at 2026-01-10
                   draft
                   drawdown     usage-calls V 10.00
        2026-02-02 billing
        2026-02-02 settle
                   entry        newest expiry G -30.00
        2026-02-10 void         1p0 not wanted
                   entry        newest reversal V 10.00 of 1p0
                   balance      V consumed 0.00 voided 10.00 status voided
                   wallet       unbooked 10.00 ledger-balance 10.00
        2026-02-10 settle
                   entry        newest void V -10.00
                   wallet       unbooked 0.00 ledger-balance 0.00
        """
    )


def test_an_invoice_whose_credit_another_gave_back_is_voided_after_it(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 40.00
        2026-01-10 event        e1 acme calls 2000
        2026-02-02 billing
        2026-02-11 amend        e1 500
                   draft        1p1
                   drawdown     late-1p0-calls G -30.00
                   balance      G consumed 40.00 pending -30.00 remaining 30.00
        2026-03-02 billing
                   invoice      1p1
                   total        0.00
                   balance      G consumed 10.00 remaining 30.00
        2026-03-03 void         1p0 regenerate wrong                      -> refused 409
        2026-03-03 void         1p1 regenerate wrong
                   entry        newest drawdown G -30.00 of 1p1
                   draft        1p1.1
                   lines        none
                   draft        1p2
                   drawdown     late-1p0-calls G -30.00
        2026-03-03 void         1p0 regenerate wrong
                   entry        newest reversal G 40.00 of 1p0
                   draft        1p0.1
                   drawdown     usage-calls G 500 x 0.02 = 10.00
                   draft        1p2
                   lines        none
        2026-03-04 billing
                   invoice      1p0.1
                   drawdown     usage-calls G 10.00
                   balance      G consumed 10.00 remaining 30.00
        """
    )


def test_credit_that_an_invoice_gave_back_and_others_drew_keeps_it_from_being_voided(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 40.00
        2026-01-10 event        e1 acme calls 2000
        2026-02-02 billing
        2026-02-11 amend        e1 500
        2026-03-02 billing
        2026-03-10 event        e2 acme calls 1500
        2026-04-02 billing
                   invoice      1p2
                   drawdown     usage-calls G 30.00
        2026-04-03 void         1p1 regenerate wrong                      -> refused 409
        2026-04-03 void         1p2 regenerate wrong
        2026-04-03 void         1p1 regenerate wrong
                   balance      G consumed 40.00 pending -30.00 remaining 30.00
                   draft        1p2.1
                   drawdown     none
                   draft        1p3
                   late         1p0 calls -1500 x 0.02 = -30.00 from ACME-000001
                   drawdown     late-1p0-calls G -30.00
        """
    )


def test_a_credit_note_undoes_money_first_then_credits_from_the_latest_on(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        A 15.00
        2026-01-01 grant        B 2.00
        2026-01-05 event        e1 acme calls 750
        2026-01-12 event        e2 acme calls 250
        2026-02-02 billing
                   invoice      1p0
                   drawdown     usage-calls A 15.00
                   drawdown     usage-calls B 2.00
                   due          20.00 - 17.00 = 3.00
        2026-02-03 credit-note  1p0 usage-calls 4.00 to credit
                   credited     3.00
                   granted      0.00
                   invoice      1p0
                   due          0.00
                   entry        newest reversal B 1.00 of 1p0
        2026-02-04 credit-note  1p0 usage-calls 3.00 to refund
                   refund       0.00
                   entry        newest reversal A 2.00 of 1p0
                   entry        newest-1 reversal B 1.00 of 1p0
                   balance      A consumed 13.00 remaining 2.00
                   balance      B consumed 0.00 remaining 2.00
        2026-02-05 credit-note  1p0 usage-calls 13.01 to refund           -> refused 422
        2026-02-05 credit-note  1p0 usage-calls 13.00 to refund
                   wallet       consumed 0.00 remaining 17.00 ledger-balance 17.00
        2026-02-05 void         1p0 wrong                                 -> refused 409
        2026-02-06 event        e3 acme calls 1000
                   draft
                   drawdown     usage-calls A 15.00
                   drawdown     usage-calls B 2.00
        """
    )


def test_a_credit_note_gives_back_only_what_no_late_usage_did(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 40.00
        2026-01-10 event        e1 acme calls 2000
        2026-02-02 billing
        2026-02-11 amend        e1 500
        2026-03-02 billing
                   balance      G consumed 10.00
        2026-03-03 credit-note  1p0 usage-calls 10.01 to refund      -> refused 422
        2026-03-03 credit-note  1p0 usage-calls 10.00 to refund
                   entry        newest reversal G 10.00 of 1p0
                   balance      G consumed 0.00 remaining 40.00
        """
    )


def test_late_usage_and_notes_never_give_back_more_than_was_billed(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-01 grant        G 40.00
        2026-01-10 event        e1 acme calls 2000
        2026-02-02 billing
        2026-02-03 credit-note  1p0 usage-calls 25.00 to refund
                   balance      G consumed 15.00 remaining 25.00
        2026-02-11 amend        e1 500
                   draft        1p1
                   # 30.00 less by the events, of which the note took 25.00 of the 40.00 before: 15.00 are left to take.
                   late         1p0 calls of -1500: -15.00 from ACME-000001
                   drawdown     late-1p0-calls G -15.00
                   total        0.00
        2026-03-02 billing
                   invoice      1p1
                   drawdown     late-1p0-calls G -15.00
                   balance      G consumed 0.00 remaining 40.00
        2026-03-03 credit-note  1p0 usage-calls 0.01 to refund                -> refused 422
        """
    )


def test_what_is_carried_is_drawn_first_and_then_holds_its_invoice(play: Play) -> None:
    play(
        CALLS
        + """
        2026-01-10 event        e1 acme calls 1000
        2026-02-02 billing
        2026-02-10 event        e2 acme calls 250
        2026-02-10 void-event   e1
        2026-03-02 billing
                   invoice      1p1
                   line         calls 250 x 0.02 = 5.00
                   late         1p0 calls -1000 x 0.02 = -20.00 from ACME-000001
                   carried      15.00
                   total        0.00
                   entry        newest carried Carried-from-ACME-000002 15.00 of 1p1
        2026-03-03 grant        G 50.00 priority 0 expires 2026-04-01
        2026-03-10 event        e3 acme calls 500
                   draft
                   drawdown     usage-calls G 10.00                       # expires sooner
        2026-03-11 void-grant   G
        2026-03-12 event        e4 acme calls 600
                   draft
                   drawdown     usage-calls G 10.00
                   drawdown     usage-calls Carried-from-ACME-000002 12.00
        2026-04-02 billing
                   invoice      1p2
                   total        0.00
        2026-04-03 void         1p1 wrong                                 -> refused 409
        2026-04-03 void         1p2 regenerate wrong
                   balance      Carried-from-ACME-000002 consumed 0.00 pending 12.00
        2026-04-03 void         1p1 regenerate wrong                      # a draft alone does not hold it
                   balance      Carried-from-ACME-000002 voided 15.00 pending 0.00
                   draft        1p2.1
                   drawdown     usage-calls G 10.00
        """
    )


_SEATS = """
        2026-01-01 meter        calls sum
        2026-01-01 organization acme USD UTC
        2026-01-01 plan         pro month
                   charge       calls 0.02
                   fee          seats 31.00 advance
        2026-01-01 plan         max month
                   charge       calls 0.02
                   fee          seats 62.00 advance
"""


def test_an_advance_fee_that_credit_paid_returns_into_its_grants_first(play: Play) -> None:
    play(
        _SEATS
        + """
        2026-01-01 grant        G 40.00 for seats
        2026-01-01 subscribe    acme pro
                   invoice      1a0
                   drawdown     fee-seats.p0 G 31.00
                   total        0.00
                   balance      G consumed 31.00 pending 9.00 remaining 0.00   # February's fee is on the draft
        2026-01-11 change       1 max now
                   invoice      1a1
                   adjusted     seats.p0 -31.00 / 31 x 21 = -21.00
                   fee          seats.p1 62.00 / 31 x 21 = 42.00
                   drawdown     adjusted-seats.p0 G -21.00
                   drawdown     fee-seats.p1 G 9.00 + 21.00
                   total        42.00 - 21.00 - 9.00 = 12.00
                   balance      G consumed 40.00 remaining 0.00
        2026-01-12 void         1a0 wrong                                 -> refused 409
        2026-02-02 billing
                   invoice      1p1
                   fee          seats.p2 62.00
                   drawdown     none
        """
    )
