"""Who is in the sample household, with which accounts, and what they spend their money on. All of it is made up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """An account of a person; `dialect` names how its bank writes CSV, `also` the format of every other statement."""

    key: str
    person: str
    bank: str
    dialect: str
    number: str
    currency: str
    opening: Decimal
    also: str = ""


@dataclass(frozen=True, slots=True)
class Habit:
    """Something that is paid again and again: to whom, for what, between which amounts, how often among a hundred lines."""

    counterparty: str
    text: str
    least: Decimal
    most: Decimal
    weight: int


PEOPLE = ("ada", "ben", "carla", "dev")

ACCOUNTS = (
    SampleAccount("ada-giro", "ada", "Sparhaus", "german", "DE89370400440532013000", "EUR", Decimal("2410.55")),
    SampleAccount(
        "ada-card", "ada", "Kartenbank", "compact", "DE02120300000000202051", "EUR", Decimal("-310.20"), "camt"
    ),
    SampleAccount(
        "ben-current", "ben", "Harbour Bank", "british", "GB29NWBK60161331926819", "GBP", Decimal("1830.00"), "ofx"
    ),
    SampleAccount("ben-checking", "ben", "First Prairie", "american", "000123456789", "USD", Decimal("5120.75")),
    SampleAccount(
        "carla-compte", "carla", "Banque du Lac", "french", "FR1420041010050500013M02606", "EUR", Decimal("960.10")
    ),
    SampleAccount("carla-konto", "carla", "Bergpost", "swiss", "CH9300762011623852957", "CHF", Decimal("7205.40")),
    SampleAccount(
        "dev-rekening", "dev", "Polderbank", "dutch", "NL91ABNA0417164300", "EUR", Decimal("1500.00"), "mt940"
    ),
)

_HABITS = """
Corner Bakery|Bread and rolls|2.10|9.80|14
Grocer & Sons|Groceries|11.00|142.00|22
City Transport|Single ticket|2.40|3.90|12
Café Müller|Coffee|2.80|7.60|12
Waterworks|Water and sewage|38.00|52.00|2
Northern Power|Electricity instalment|64.00|64.00|2
Streamline|Subscription|9.99|17.99|3
Pharmacy at the Bridge|Pharmacy|4.50|48.00|4
Bookshop Ångström|Books|8.00|64.00|3
Fuel Stop 24|Fuel|31.00|96.00|5
Landlord Ltd|Rent|870.00|870.00|1
Salon Belle Époque|Haircut|28.00|75.00|2
Garden Centre|Plants; soil and pots|12.00|180.00|3
Online Market|Order, several items|6.00|320.00|10
"""

HABITS = tuple(
    Habit(party, text, Decimal(least), Decimal(most), int(weight))
    for party, text, least, most, weight in (line.split("|") for line in _HABITS.strip().splitlines())
)

INCOME = (
    Habit("Acme Works", "Salary", Decimal("2450.00"), Decimal("3980.00"), 2),
    Habit("Tax office", "Refund", Decimal("40.00"), Decimal("610.00"), 1),
    Habit("Flea market", "Sold: old lamp", Decimal("5.00"), Decimal("60.00"), 2),
)
