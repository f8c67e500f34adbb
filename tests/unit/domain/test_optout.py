"""Which texts are wishes, and which are sentences."""

import pytest

from broker.domain.optout import Wish, wish_of
from broker.domain.pseudonym import pair_key, pseudonym


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", "Stop", " stop ", "STOP.", "Stop!!", '"STOP"', "“Stop”", "\tstop\r\n", "stop\u00a0",
        "\uff33\uff34\uff2f\uff30",
        "STOPALL", "Stop all", "STOP-ALL", "UNSUBSCRIBE", "Cancel", "END", "quit", "REVOKE", "OPTOUT", "Opt-Out",
        "opt out", "Remove", "ARRET", "Arrêt", "arre\u0302t", "🛑 STOP 🛑", "stop\ufe0f",
    ],
)  # fmt: skip
def test_a_word_that_stands_alone_stops_whatever_its_case_and_punctuation(text: str) -> None:
    assert wish_of(text) is Wish.STOP


@pytest.mark.parametrize(
    ("text", "wish"),
    [("START", Wish.START), ("unstop.", Wish.START), ("Help", Wish.HELP), ("INFO?", Wish.HELP)],
)
def test_others_start_again_or_ask(text: str, wish: Wish) -> None:
    assert wish_of(text) is wish


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "...", "Please stop", "stop please", "Stop by at eight", "Don't stop", "STOP STOP", "S T O P", "stopp",
        "nonstop", "The end", "end of the street", "cancel my order", "can you help", "YES", "Y", "yes please", "no",
        "1", "STOP HELP", "S.T.O.P.", "STOP" + "!" * 100,
    ],
)  # fmt: skip
def test_a_word_in_a_sentence_or_another_word_is_no_wish(text: str) -> None:
    assert wish_of(text) is None


def test_an_erased_number_has_one_name_for_each_key_and_no_name_tells_the_number() -> None:
    name = pseudonym("a key", "+12025550101")
    assert name == pseudonym("a key", "+12025550101") == pseudonym("a key", name)
    assert len({name, pseudonym("another key", "+12025550101"), pseudonym("a key", "+12025550102")}) == 3
    assert "2025550101" not in name


def test_an_opt_out_is_of_one_sender_and_one_recipient() -> None:
    pairs = [("+1", "+2"), ("+1", "+3"), ("+2", "+1"), ("+1+", "2")]
    assert len({pair_key("a key", *pair) for pair in pairs}) == len(pairs)
