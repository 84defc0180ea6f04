"""Currencies: the ISO 4217 codes, how many decimals each has, and the signs that stand for them."""

from __future__ import annotations

_CODES = """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED
    VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW"""

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

_ENGLISH = frozenset(
    {"ALL", "TOP", "TRY", "CUP", "PEN", "MAD", "SOS", "GEL", "LAK", "MOP", "BOB", "RON", "COP", "BAM", "NAD", "DOP"}
)
_EURO = frozenset({"euro", "euros", "euroa"})
_FORMER = {"RUR": "RUB", "EURO": "EUR", "XXX": ""}
"""What banks write on, with the code that it means; XXX stands for no currency."""

CODES = frozenset(_CODES.split())
_DECIMALS = dict.fromkeys(_NO_DECIMALS.split(), 0) | dict.fromkeys(_THREE_DECIMALS.split(), 3)

SIGNS = {
    "€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "円": "JPY", "元": "CNY", "₹": "INR", "zł": "PLN", "Kč": "CZK", "₽": "RUB",
    "₺": "TRY", "R$": "BRL", "₪": "ILS", "₩": "KRW", "₴": "UAH", "₫": "VND", "฿": "THB", "₱": "PHP", "₦": "NGN", "₸": "KZT",
    "₾": "GEL",
}  # fmt: skip
"""A sign and the currency it most often means; a code anywhere in the file is believed before a sign."""


def decimals_of(currency: str) -> int:
    """Return how many decimals an amount in this currency has (ISO 4217, column "minor unit")."""
    return _DECIMALS.get(currency, 2)


def currency_in(text: str) -> str | None:
    """Return the one currency that a text names, by code or sign; None for none or several."""
    words = _words(text)
    found = {word for word in words if word in CODES}
    if not found and any(word.casefold() in _EURO for word in words):
        found = {"EUR"}
    if not found:
        rest = text
        for sign in sorted(SIGNS, key=len, reverse=True):
            if sign in rest:
                found.add(SIGNS[sign])
                rest = rest.replace(sign, " ")
    return found.pop() if len(found) == 1 else None


def currency_in_words(text: str) -> str | None:
    """Return the one currency that a line of a text names; codes that are English words count only if they stand alone."""
    plain = " ".join(word for word in text.split() if word.strip(".,:;()") not in _ENGLISH or text.strip() == word)
    return currency_in(plain)


def known_code(text: str) -> str:
    """Return a currency's code as it is written today, or what was written; nothing for the code of no currency.

    A sign that stands alone is the currency it most often means.
    """
    code = text.strip()
    code = SIGNS.get(code) or code.upper()
    return _FORMER.get(code, code)


def _words(text: str) -> list[str]:
    return "".join(character if character.isalpha() else " " for character in text).split()
