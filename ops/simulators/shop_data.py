"""What the simulated shop sells and to whom.

All names are made up; telephone numbers are from ranges kept for fiction.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_NAMES = (
    "Ada Ben Clara David Elena Frank Grace Henry Iris Jonas Karin Liam Maya Noah Olga Paul".split()
)
LAST_NAMES = (
    "Archer Baker Cole Dupont Engel Fischer Garcia Hughes Ito Jansen Keller Lopez Müller Novak"
).split()
COMPANIES = ["Northwind Studio", "Blue Door Café", "Harbour & Sons", "Feld und Wiese GmbH"]
STREETS_US = ["Maple Avenue", "Oak Street", "5th Avenue", "Lakeview Drive", "Market Street"]
STREETS_CA = ["Rue Sainte-Catherine", "King Street West", "Granville Street", "Bank Street"]
STREETS_DE = ["Hauptstraße", "Gartenweg", "Bahnhofstraße", "Lindenallee"]
THINGS = [
    "Mug",
    "Tea Towel",
    "Notebook",
    "Lamp",
    "Cushion",
    "Candle",
    "Backpack",
    "Bottle",
    "Scarf",
    "Poster",
]
LOOKS = [
    "Cotton",
    "Oak",
    "Slate",
    "Linen",
    "Copper",
    "Sage",
    "Indigo",
    "Recycled",
    "Classic",
    "Tall",
]
COLOURS = [None, "Black", "White", "Green", "Sand"]


@dataclass(slots=True, frozen=True)
class Tax:
    """One jurisdiction's tax; `permille` may have decimals (New York City: 45 ‰, state: 40 ‰)."""

    title: str
    permille: float


@dataclass(slots=True, frozen=True)
class Place:
    """A city, and how orders that go there are taxed."""

    city: str
    province: str | None
    province_code: str | None
    postal_code: str
    country: str
    country_code: str
    phone: str
    taxes: tuple[Tax, ...]


_NY = (Tax("New York State Tax", 40.0), Tax("New York City Tax", 45.0), Tax("MCTD", 3.75))
_CA = (Tax("California State Tax", 72.5), Tax("Los Angeles County Tax", 22.5))
_ON = (Tax("HST", 130.0),)
_BC = (Tax("GST", 50.0), Tax("PST", 70.0))
_QC = (Tax("GST", 50.0), Tax("QST", 99.75))
_VAT = (Tax("DE MwSt", 190.0),)


def _us(city: str, province: str, code: str, postal: str, *taxes: Tax) -> Place:
    return Place(city, province, code, postal, "United States", "US", "+12025550", taxes)


def _ca(city: str, province: str, code: str, postal: str, *taxes: Tax) -> Place:
    return Place(city, province, code, postal, "Canada", "CA", "+16135550", taxes)


def _de(city: str, postal: str) -> Place:
    return Place(city, None, None, postal, "Germany", "DE", "+493023125", _VAT)


US_PLACES = (
    _us("New York", "New York", "NY", "10001", *_NY),
    _us("Los Angeles", "California", "CA", "90012", *_CA),
    _us(
        "Austin", "Texas", "TX", "78701", Tax("Texas State Tax", 62.5), Tax("Austin City Tax", 10.0)
    ),
    _us("Portland", "Oregon", "OR", "97205"),
    _us("Seattle", "Washington", "WA", "98101", Tax("Washington State Tax", 65.0)),
    _us("Chicago", "Illinois", "IL", "60601", Tax("Illinois State Tax", 62.5)),
    _us("Miami", "Florida", "FL", "33130", Tax("Florida State Tax", 60.0)),
)
CA_PLACES = (
    _ca("Toronto", "Ontario", "ON", "M5H 2N2", *_ON),
    _ca("Vancouver", "British Columbia", "BC", "V6C 1S4", *_BC),
    _ca("Montreal", "Quebec", "QC", "H3B 1A7", *_QC),
)
DE_PLACES = (_de("Berlin", "10115"), _de("Hamburg", "20095"), _de("München", "80331"))


@dataclass(slots=True, frozen=True)
class Product:
    """One of the 200 things on sale."""

    number: int
    sku: str
    title: str
    variant: str | None
    price_minor: int
    grams: int


def product(number: int) -> Product:
    """The product with that number, 1 to 200; always the same one."""
    title = f"{LOOKS[number % len(LOOKS)]} {THINGS[number * 7 % len(THINGS)]}"
    return Product(
        number,
        f"SKU-{number:03d}",
        title,
        COLOURS[number * 3 % len(COLOURS)],
        500 + number * 737 % 9000 // 100 * 100 + (95 if number % 3 else 49),
        80 + number * 37 % 1900,
    )
