"""The accounts of the household's books, what is paid from them and what the money is for. All of it is made up.

They are other accounts than those that the sample banks deliver to, whose bookings come and go within the hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from workers.finance.currencies import decimals_of


@dataclass(frozen=True, slots=True)
class BookAccount:
    """An account of the books; `opening` is what it held before the first day."""

    key: str
    person: str
    name: str
    identity: str
    currency: str
    opening: Decimal


@dataclass(frozen=True, slots=True)
class Spending:
    """Something bought now and then: how often a month, for amounts between `least` and `most`."""

    account: str
    category: str
    counterparty: str
    text: str
    least: Decimal
    most: Decimal
    times: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Something booked on the same day of each month, or of some months.

    Attributes:
        amount: negative goes out; what it is in 2024.
        rise: added to it each year from `rise_month` on.
        months: in which months of the year; all if empty.
    """

    account: str
    category: str
    counterparty: str
    text: str
    amount: Decimal
    day: int
    rise: Decimal = Decimal(0)
    rise_month: int = 1
    months: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A budget of the household."""

    category: str
    amount: Decimal
    currency: str
    period: str
    carry_over: bool = False


ADA, BEN, CARLA, DEV = (f"{name}@household.example" for name in ("ada", "ben", "carla", "dev"))

_ACCOUNTS = f"""
house|{ADA}|House account|DE68210501700012345678|EUR|4210.35
card|{ADA}|House card 1881|CARD-1881|EUR|-184.20
savings|{ADA}|Rainy days|DE91100000000123456789|EUR|12500.00
pound|{BEN}|Ben's current account|GB33BUKB20201555555555|GBP|2380.11
dollar|{BEN}|Ben's dollars|US-000987654321|USD|6120.00
franc|{CARLA}|Carla's account|CH5604835012345678009|CHF|8044.90
euro|{DEV}|Dev's account|NL02ABNA0123456789|EUR|1730.25
yen|{DEV}|Dev's yen|JP-0045127|JPY|412000
"""

_CATEGORIES = """
income||Income|income
salary|income|Salary|income
refunds|income|Refunds|income
sales|income|Things sold|income
interest|income|Interest|income
transfers||Between own accounts|transfer
home||Home|expense
rent|home|Rent|expense
energy|home|Energy and water|expense
insurance|home|Insurance|expense
daily||Daily life|expense
groceries|daily|Groceries|expense
eating-out|daily|Eating out|expense
health|daily|Health|expense
transport||Getting around|expense
tickets|transport|Tickets|expense
fuel|transport|Fuel|expense
leisure||Leisure|expense
subscriptions|leisure|Subscriptions|expense
books|leisure|Books and music|expense
travel|leisure|Travel|expense
shopping||Shopping|expense
fees||Bank fees|expense
"""

_SPENDINGS = """
house|groceries|Grocer & Sons|Groceries|18.00|96.00|9
house|groceries|Market Hall|Fruit and vegetables|6.50|34.00|6
house|eating-out|Trattoria Da Lucia|Dinner|24.00|88.00|3
house|fuel|Fuel Stop 24|Fuel|38.00|92.00|3
house|health|Pharmacy at the Bridge|Pharmacy|4.50|46.00|2
house|shopping|Online Market|Order, several items|8.00|140.00|6
house|sales|Flea market|Sold: old lamp|5.00|60.00|1
card|eating-out|Café Müller|Coffee|2.80|7.60|16
card|tickets|City Transport|Single ticket|2.40|3.90|18
card|groceries|Corner Bakery|Bread and rolls|2.10|9.80|14
card|books|Bookshop Ångström|Books|8.00|54.00|2
card|eating-out|Κουζίνα της Ελένης|Lunch|9.50|16.00|4
pound|groceries|Fen & Daughters|Groceries|7.00|68.00|11
pound|eating-out|The Heron|Drinks|5.20|31.00|6
pound|tickets|Northern Rail|Ticket|4.10|58.00|8
pound|shopping|Hart's Outfitters|Clothing|14.00|120.00|2
dollar|shopping|Prairie Supply|Order|12.00|210.00|4
dollar|books|Record Barn|Records|9.00|44.00|3
franc|groceries|Dorfladen Ernst|Einkauf|6.20|88.40|12
franc|tickets|Bergbahn|Billett|3.60|41.00|9
franc|eating-out|Gasthof Rössli|Mittagessen|18.50|44.00|5
franc|health|Praxis Dr. Zäch|Behandlung|60.00|180.00|1
euro|groceries|Groenteboer Żółty|Boodschappen|4.80|52.00|12
euro|tickets|Polderlijn|Reis|2.20|24.60|14
euro|eating-out|Eetcafé 't Hoekje|Eten en drinken|7.50|39.00|7
euro|shopping|Fietsenmaker Ås|Fiets|11.00|95.00|1
yen|eating-out|ラーメン一番|Ramen|780|1680|6
yen|tickets|Metro Line|Ride|180|420|10
yen|shopping|Konbini 24|Various|320|2900|8
"""

_STANDING = """
house|salary|Acme Works|Salary|3580.00|27|85.00|1|
house|rent|Landlord Ltd|Rent, flat 3|-1180.00|1|35.00|4|
house|energy|Northern Power|Electricity instalment|-84.00|3|6.00|2|
house|energy|Waterworks|Water and sewage|-118.40|15|4.20|1|2,5,8,11
house|insurance|Albatross Insurance|Contents and liability|-286.00|9|12.00|2|2
house|subscriptions|Streamline|Streaming, family plan|-12.99|7|2.00|9|
house|subscriptions|Fibre One|Internet and telephone|-39.90|5|0|1|
house|subscriptions|Daily Planet|Newspaper|-24.50|11|1.50|3|
house|transfers|Rainy days|To the savings|-300.00|28|0|1|
house|transfers|House card 1881|Card settlement|-335.00|28|0|1|
card|transfers|House account|Settlement|335.00|28|0|1|
savings|transfers|House account|From the house account|300.00|28|0|1|
savings|interest|Savings bank|Interest|31.25|30|4.10|1|3,6,9,12
card|subscriptions|Cloudbox|Storage 2 TB|-9.99|19|1.00|6|
card|fees|Card office|Card fee|-2.50|26|0|1|
pound|salary|Harbour Studio|Salary|2650.00|25|60.00|4|
pound|rent|Mill Lane Estates|Room|-740.00|1|20.00|9|
pound|subscriptions|Gym on the Quay|Membership|-29.00|4|3.00|1|
dollar|sales|First Prairie Press|Royalties|1220.00|12|15.00|1|3,6,9,12
dollar|subscriptions|Type Foundry|Licence|-18.00|6|2.00|5|
franc|salary|Spital am See|Lohn|5480.00|24|90.00|1|
franc|rent|Hausverwaltung Egli|Miete|-1620.00|2|30.00|4|
franc|insurance|Krankenkasse Alpina|Prämie|-372.60|10|21.40|1|
euro|salary|Polder Labs|Salaris|2980.00|23|70.00|7|
euro|rent|Wooncoöperatie De Brug|Huur|-905.00|1|22.00|7|
euro|subscriptions|Radio Noord|Lidmaatschap|-7.50|14|0.50|1|
euro|transfers|Dev's yen|To the yen account|-150.00|16|0|1|
yen|transfers|Dev's account|From the euro account|24000|17|0|1|
"""

_PLANS = """
groceries|1120.00|EUR|month|yes
eating-out|480.00|EUR|month|yes
transport|480.00|EUR|month|no
subscriptions|115.00|EUR|month|no
shopping|640.00|EUR|month|yes
home|7200.00|EUR|quarter|no
insurance|320.00|EUR|year|no
groceries|410.00|GBP|month|yes
eating-out|150.00|GBP|month|no
groceries|560.00|CHF|month|yes
leisure|80.00|USD|month|yes
eating-out|9000|JPY|month|no
"""


def _lines(text: str) -> list[list[str]]:
    return [line.split("|") for line in text.strip().splitlines()]


BOOK_ACCOUNTS = tuple(
    BookAccount(key, person, name, identity, currency, Decimal(opening))
    for key, person, name, identity, currency, opening in _lines(_ACCOUNTS)
)
CATEGORIES = tuple((key, parent or None, name, kind) for key, parent, name, kind in _lines(_CATEGORIES))
SPENDINGS = tuple(
    Spending(account, category, counterparty, text, Decimal(least), Decimal(most), int(times))
    for account, category, counterparty, text, least, most, times in _lines(_SPENDINGS)
)
STANDING = tuple(
    Standing(
        account, category, counterparty, text, Decimal(amount), int(day), Decimal(rise), int(month),
        tuple(int(number) for number in months.split(",") if number),
    )
    for account, category, counterparty, text, amount, day, rise, month, months in _lines(_STANDING)
)  # fmt: skip
PLANS = tuple(
    Plan(category, Decimal(amount), currency, period, carry == "yes")
    for category, amount, currency, period, carry in _lines(_PLANS)
)
RULES = tuple(
    dict.fromkeys(
        [(line.counterparty, line.category) for line in SPENDINGS]
        + [(line.counterparty, line.category) for line in STANDING]
    )
)
"""Which counterparty means which category; the rules of the sample household."""


def cents(amount: Decimal, currency: str) -> Decimal:
    """Return the amount rounded to its currency's decimals."""
    return amount.quantize(Decimal(1).scaleb(-decimals_of(currency)))
