"""The table of customers is read as a whole, or not at all and every wrong line told."""

from __future__ import annotations

import pytest

from callcenter.care.customer import Customer, digits_of, read_customers
from callcenter.domain.errors import WrongInput

GOOD = """\
customer_number,Phone,name,language,tier,region,plan
1001,+34 600-123 456;911222333,Anna,es,gold,madrid,fibre
1002,,"Ben, jr.",en,,,
"""


def test_known_columns_become_fields_and_others_are_kept() -> None:
    anna, ben = read_customers(GOOD, "c.csv")
    assert anna == Customer(
        number="1001",
        phones=("34600123456", "911222333"),
        name="Anna",
        language="es",
        tier="gold",
        region="madrid",
        fields={"plan": "fibre"},
    )
    assert (ben.name, ben.phones) == ("Ben, jr.", ())
    assert anna.facts()["plan"] == "fibre"
    assert anna.facts()["customer_number"] == "1001"


def test_every_wrong_line_is_told_with_its_number() -> None:
    text = "customer_number,phone\n1,12x4\n,600123456\n1,600123456\n2\n1,600\n"
    with pytest.raises(WrongInput) as caught:
        read_customers(text, "c.csv")
    told = [str(problem) for problem in caught.value.problems]
    assert told[0].startswith("c.csv:2: error: phone: '12x4' is not a phone number")
    assert told[1].startswith("c.csv:3: error: customer_number: is empty")
    assert "1 values for 2 columns" in told[2]
    assert "also on line 4" in told[3]


def test_a_table_without_its_key_column_is_refused_at_line_1() -> None:
    with pytest.raises(WrongInput, match=r"c\.csv:1: error: the first line has no column"):
        read_customers("phone,name\n1,2\n", "c.csv")
    with pytest.raises(WrongInput, match="no column"):
        read_customers("", "c.csv")


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(WrongInput, match="there twice"):
        read_customers("customer_number,name,name\n1,2,3\n", "c.csv")


def test_a_byte_order_mark_and_empty_lines_do_no_harm() -> None:
    assert [c.number for c in read_customers("\ufeffcustomer_number\n1\n\n2\n", "c")] == ["1", "2"]


def test_an_overlong_value_is_refused() -> None:
    with pytest.raises(WrongInput, match="longer than 500"):
        read_customers(f"customer_number,name\n1,{'x' * 501}\n", "c.csv")


@pytest.mark.parametrize(
    ("phone", "digits"),
    [
        ("+34 600 123 456", "34600123456"),
        ("0034600123456", "34600123456"),
        ("(415) 555-0100", "4155550100"),
        ("12", ""),
        ("1234567890123456", ""),
        ("anonymous", ""),
        ("٣٤٦٠٠", ""),
        ("", ""),
    ],
)
def test_a_number_is_its_digits_or_nothing(phone: str, digits: str) -> None:
    assert digits_of(phone) == digits
