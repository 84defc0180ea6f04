"""How sample banks write other than CSV: OFX with a line per element, MT940 with numbered parts, CAMT.053."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from random import Random

from workers.household.bookings import Booking
from workers.household.people import SampleAccount

OFX_BANK = "081000032"
MT940_WIDTH = 65
PART_WIDTH = 27
_SPOILT = {
    "ofx": ("<DTPOSTED>20", "<DTPOSTED>99"),
    "mt940": (":61:", ":61:on "),
    "camt": ("<CdtDbtInd>", "<CdtDbtInd>N"),
}


def opening(bookings: Sequence[Booking]) -> Decimal:
    """Return what the account held before its first line."""
    return bookings[0].balance - bookings[0].amount


def ofx(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """OFX 1 in Windows-1252: SGML without end tags of elements, dates with a zone."""
    first, last = bookings[0].day, bookings[-1].day
    lines = [
        "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\nCOMPRESSION:NONE",
        "OLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n",
        "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>",
        f"<DTSERVER>{last:%Y%m%d}120000<LANGUAGE>ENG<FI><ORG>{account.bank}<FID>1</FI></SONRS></SIGNONMSGSRSV1>",
        "<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS>",
        f"<STMTRS><CURDEF>{account.currency}<BANKACCTFROM><BANKID>{OFX_BANK}<ACCTID>{account.number}<ACCTTYPE>CHECKING",
        f"</BANKACCTFROM><BANKTRANLIST><DTSTART>{first:%Y%m%d}<DTEND>{last:%Y%m%d}",
    ]
    for b in bookings:
        kind = "CREDIT" if b.amount > 0 else "DEBIT"
        lines.append(
            f"<STMTTRN><TRNTYPE>{kind}<DTPOSTED>{b.day:%Y%m%d}120000[-6:CST]<TRNAMT>{b.amount}<FITID>{b.reference}"
            f"<NAME>{escape(b.counterparty[:32])}<MEMO>{escape(b.text)}</STMTTRN>"
        )
    lines.append(f"</BANKTRANLIST><LEDGERBAL><BALAMT>{bookings[-1].balance}<DTASOF>{last:%Y%m%d}</LEDGERBAL>")
    lines.append("</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>")
    return "\r\n".join(lines).encode("cp1252", "replace")


def mt940(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """MT940 in Latin-1: one statement, the details in parts of 27 characters, lines of 65."""
    lines = [
        ":20:STARTUMS",
        f":25:{account.number}",
        ":28C:00001/001",
        f":60F:{_balance(account, bookings, closing=False)}",
    ]
    for b in bookings:
        side = "CR" if b.amount > 0 else "DR"
        amount = f"{abs(b.amount):.2f}".replace(".", ",")
        lines.append(f":61:{b.day:%y%m%d}{b.day:%m%d}{side}{amount}NMSCNONREF//{b.reference}")
        parts = [f"?{20 + at}{part}" for at, part in enumerate(_parts(f"SVWZ+{b.text} {b.reference}"))]
        names = [f"?{32 + at}{part}" for at, part in enumerate(_parts(b.counterparty)[:2])]
        details = f":86:{'166?00GUTSCHRIFT' if b.amount > 0 else '105?00KARTENZAHLUNG'}{''.join(parts + names)}"
        lines += [details[at : at + MT940_WIDTH] for at in range(0, len(details), MT940_WIDTH)]
    lines += [f":62F:{_balance(account, bookings, closing=True)}", "-", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def _balance(account: SampleAccount, bookings: Sequence[Booking], *, closing: bool) -> str:
    amount, day = (bookings[-1].balance, bookings[-1].day) if closing else (opening(bookings), bookings[0].day)
    return f"{'D' if amount < 0 else 'C'}{day:%y%m%d}{account.currency}{abs(amount):.2f}".replace(".", ",")


def _parts(text: str) -> list[str]:
    return [text[at : at + PART_WIDTH] for at in range(0, len(text), PART_WIDTH)]


def camt(account: SampleAccount, bookings: Sequence[Booking]) -> bytes:
    """CAMT.053, version 8, an entry a line."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>',
        f"<GrpHdr><MsgId>{account.key}</MsgId><CreDtTm>{bookings[-1].day}T20:00:00+01:00</CreDtTm></GrpHdr><Stmt><Id>1</Id>",
        f"<Acct><Id><IBAN>{account.number}</IBAN></Id><Ccy>{account.currency}</Ccy></Acct>",
        _camt_balance("OPBD", opening(bookings), account.currency, str(bookings[0].day)),
        _camt_balance("CLBD", bookings[-1].balance, account.currency, str(bookings[-1].day)),
    ]
    for b in bookings:
        role = "Dbtr" if b.amount > 0 else "Cdtr"
        lines.append(
            f'<Ntry><Amt Ccy="{account.currency}">{abs(b.amount)}</Amt><CdtDbtInd>{_side(b.amount)}</CdtDbtInd>'
            f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{b.day}</Dt></BookgDt><ValDt><Dt>{b.day}</Dt></ValDt>"
            f"<AcctSvcrRef>{b.reference}</AcctSvcrRef><BkTxCd><Prtry><Cd>NMSC</Cd></Prtry></BkTxCd><NtryDtls><TxDtls>"
            f"<RltdPties><{role}><Pty><Nm>{escape(b.counterparty)}</Nm></Pty></{role}></RltdPties>"
            f"<RmtInf><Ustrd>{escape(b.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )
    lines.append("</Stmt></BkToCstmrStmt></Document>")
    return "\r\n".join(lines).encode()


def _camt_balance(kind: str, amount: Decimal, currency: str, day: str) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{abs(amount)}</Amt>'
        f"<CdtDbtInd>{_side(amount)}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _side(amount: Decimal) -> str:
    return "DBIT" if amount < 0 else "CRDT"


FORMATS = {"ofx": ofx, "mt940": mt940, "camt": camt}
ENDINGS = {"ofx": "ofx", "mt940": "sta", "camt": "xml"}


def spoilt(contents: bytes, name: str, rng: Random) -> bytes:
    """Return a statement of which about one booking in thirty cannot be read."""
    good, bad = _SPOILT[name]
    head, *lines = contents.decode("latin-1").split("\r\n")
    at = [number for number, line in enumerate(lines) if good in line and "<Bal>" not in line]
    for number in rng.sample(at, max(1, len(at) // 30)):
        lines[number] = lines[number].replace(good, bad, 1)
    return "\r\n".join([head, *lines]).encode("latin-1")
