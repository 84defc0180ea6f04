"""The names that banks give the columns of a statement, and their words for debit, credit and a balance.

Names are compared without case, accents, punctuation, little words and currencies: "Betrag (EUR)" is "betrag".
"""

from __future__ import annotations

import re
import unicodedata

from workers.finance.currencies import CODES, SIGNS

# Better names first: where two columns could be one field, the earlier name wins.
NAMES: dict[str, str] = {
    "date": """buchungstag, buchungsdatum, buchung, booking date, booked at, booking datetime, posting date, posted date, date posted,
        post date, posted transactions date, date processed, process date, completed date, date completed, run date, transaction date, tran date,
        txn date, trans date, date comptabilisation, date comptable, date operation, date op, date transaction, fecha operacion,
        fecha contable, fecha ctble, fecha movimiento, fecha, f contable, f operacion, data contabile, data operazione, data registrazione,
        data movimento, boekdatum, boekingsdatum, datum verrekening, transactiedatum, uitvoeringsdatum, verwerkingsdatum,
        datum verrichting, bokforingsdag, bokforingsdatum, bokford, reskontradatum, bogforingsdato, bokforingsdato, bokfort,
        transaktionsdag, transaktionsdatum, data ksiegowania, data operacji, data transakcji, data lancamento, data mov,
        data movimentacao, datum zauctovani, datum zauctovania, datum provedeni, datum uctovani, kirjauspaiva, kirjauspaivamaara, maksupaiva,
        konyveles datuma, konyvelesi datum, konyveles napja, tranzakcio datuma, data tranzactiei, data tranzactie, islem tarihi, tarih,
        ημερομηνια, ημ νια συναλλαγης, дата і час операціі, дата i час операціі, дата операціі, дата обработки операции, дата обработки, дата проводки, дата платежа, дата операции, дата совершения операции, дата, תאריך, 取引日, 日付, お取引日, 年月日, 利用日, ご利用日, 交易日期, 交易时间,
        记账日期, 交易日, 日期, kuupaev, data oper, datums, kaufdatum, belegdatum, datum transaktion, datum, date, dato, data, created,
        created at, created utc, started date""",
    "valued": """valutadatum, wertstellung, wertstellungsdatum, wert, value date, valuta date, value dt, value dat, effective date,
        date valeur, date val, fecha valor, f valor, data valuta, rentedatum, rentedato, valutadag, valuteringsdag, data valor, data waluty,
        datum valuty, renteingangsdatum, arvopaiva, erteknap, valor tarihi, дата валютирования""",
    "amount": """сумма пересчитанная в валюту счета, сумма в валюте счета, kwota walucie rachunku, kwota w walucie rachunku, betrag, umsatz, buchungsbetrag, betrag kontowahrung, zauctovana castka, netto, net, net amount, amount, amt,
        transaction amount, credit debit amount, debit credit amount, billing amount, montant, montante, montant operation, importe, importe operacion, importo,
        importo operazione, ammontare, bedrag, transactiebedrag, kwota, kwota operacji, kwota transakcji waluta rachunku,
        kwota transakcji, belopp, belob, insattningar uttag, insattning uttag, castka, objem, valor, cantidad, movimiento, sum, summa,
        value amount, maara, maara euroa, osszeg, tranzakcio osszege, suma, tutar, islem tutari, ποσο, сума в валюті картки, сума, сумма платежа, сумма операции, сумма,
        סכום, 入出金, 入出金 円, 金額, 取引金額, 交易金额, 金额, 金额 元, 发生额""",
    "debit": """soll, belastung, lastschrift, debit, debits, debit amount, debit amt, dr, dr amount, paid out, money out, out, withdrawal,
        withdrawals, withdrawal amount, withdrawal amt, ausgang, ausgabe, ausgaben, zahlungsbetrag ausgehend, cargo, cargos, debe, dare,
        addebiti, addebito, uscite, uscita, afschrijving, belastungsbetrag, retrait, debito, debet, debit euros, debit euro, ut,
        ut fra konto, ut konto, ud, obciazenia, obciazenie, wyplaty, vydaje, terheles, borc, расход, списание, חובה, 出金, 出金額,
        出金金額, お引出し, お支払金額, 支払い金額, 支払金額, 引出額, 支出, 支出金额, 借方, 借方发生额""",
    "credit": """haben, gutschrift, credit, credits, credit amount, credit amt, cr, cr amount, paid in, money in, in, deposit, deposits,
        deposit amount, deposit amt, eingang, einnahme, einnahmen, zahlungsbetrag eingehend, abono, abonos, haber, avere, accrediti,
        accredito, entrate, entrata, bijschrijving, gutschriftsbetrag, depot, credito, kredit, credit euros, credit euro, inn,
        inn pa konto, ind, uznania, uznanie, wplaty, prijmy, jovairas, alacak, приход, пополнение, зачисление, זכות, 入金, 入金額,
        入金金額, お預入れ, お預り金額, 預かり金額, 預り金額, 預入額, 收入, 收入金额, 贷方, 贷方发生额""",
    "side": """soll haben kennzeichen, s h, debit credit, credit debit, credit debit indicator, dc, d c, c d, cr dr, dr cr,
        af bij, bij af, debit credit indicator, debit credit flag, debit credit d c, debit or credit, credit debet, debetas kreditas, sens, segno, dare avere, debe haber, umsatzart kennzeichen, deebet kreedit, deebet kreedit d c,
        bevetel kiadas, 収支, 入払区分, 收支, 收支类型, 借贷标志, 借贷方向, 收 支""",
    "text": """buchungstext, verwendungszweck, verwendungszweckzeile 1, vorgang verwendungszweck, buchungsinformationen, buchungs details,
        beschreibung, buchungsdetails, avisierungstext, text, desc, description, description 1, description 2, description 3, description1,
        description2, description3, transaction description, transaction description 1, transaction description 2,
        transaction description 3, trasaction description 1, trasaction description 2, trasaction description 3,
        transaction code description, transaction details, transactions, transaction remarks, subject, transaction ref1, transaction ref2, transaction ref3, details,
        memo, title, titulo, narrative, narration, particulars, remarks, notes, note, remittance information, payment details, libelle, label, libelle operation,
        libelle complet operation, libelle simplifie, concepto, descripcion, observaciones, movimento, descrizione, descrizione operazione, descrizione operazioni,
        descrizione completa, descrizione estesa, causale, omschrijving, omschrijving 1, omschrijving 2, omschrijving 3, mededelingen, mededeling,
        vrije mededeling, gestructureerde mededeling, tytul, tytulem, tytul operacji, szczegoly transakcji, opis, opis operacji, opis transakcji, popis,
        zprava prijemce, zprava, poznamka, beskrivning, beskrijving, beschrijving, meddelande, beskrivelse, forklaring, rubrik, tekst, referenstext, descricao, historico, lancamento,
        zweck, vorgang, umsatztext, spesenbezeichnung, beschreibung1, beschreibung2, beschreibung3, transaktionsbeschreibung,
        transaktionsbeschreibung zusatz, buchungsgrund, reason, otsikko, selitys, viesti, kozlemeny, aciklama, descriere, detalii, περιγραφη, αιτιολογια, деталі операціі, опис операціі, 商品, 商品说明, explicatie, selgitus,
        описание, описание операции, основание, назначение платежа, תיאור, 摘要, 摘要内容, お取り扱い内容, 取引内容, 入出金内容, 内容, 利用店名, 交易摘要,
        备注, 用途, """
    + ", ".join(f"vwz{number}" for number in range(1, 15)),
    "counterparty": """beguenstigter zahlungspflichtiger, begunstigter zahlungspflichtiger, name zahlungsbeteiligter,
        begunstigter auftraggeber, auftraggeber beguenstigter, auftraggeber begunstigter, auftraggeber empfanger, auftraggeber empfaenger,
        sender empfanger, empfanger auftraggeber name, empfaenger 1, empfaenger 2, auftraggebername, empfangername, empfanger zahlungspflichtiger, auftraggeber zahlungsempfanger, empfanger, empfaenger, zahlungsempfanger,
        zahlungsempfanger in, zahlungspflichtiger, zahlungspflichtige r, auftraggeber, partnername, payee, payee name, payer name, merchant,
        merchant name, counterparty, counter party, counterparty name, counteraccount name, partner name, beneficiary, beneficiary name,
        beneficiary payer, beneficiary remitter, contrepartie, beneficiario, ordenante, ordinante, controparte, handelaar, tegenpartij,
        naam tegenpartij, naam tegenpartij bevat, naam omschrijving, name description, nadawca odbiorca, odbiorca, kontrahent,
        dane kontrahenta, motpart, nazev protiuctu, saaja maksaja, partner neve, saaja maksja, sender receiver name, tegenrekeninghouder, odbiorca zleceniodawca, saajan nimi, контрагент, 对方户名, 交易对方, 对方名称,
        name, naam, namn, navn, nimi, nome, to from""",
    "counterparty_account": """kontonummer iban, iban kontonummer, iban konto nr, iban zahlungsbeteiligter, iban begunstigter, counterparty iban,
        counterparty account, counterparty account number, payee account number, partner iban, partner kontonummer, empfanger auftraggeber iban, sender receiver account, cislo uctu protiuctu, tegenrekening,
        tegenrekening iban bban, tegenrekeningnummer, rekening tegenpartij, rekeningnummer tegenpartij, contrapartida, iban beneficiario,
        compte contrepartie, protiucet, cislo protiuctu, konto kontrahenta, partner szamlaszama, gegenkonto, saajan tilinumero, 对方账号,
        对方账户""",
    "reference": """kundenreferenz, kundenreferenz end to end, end to end reference, referenz, referenznummer, reference,
        reference number, transaction id, transaction reference, payment reference, reference operation, referencia, referens, referentie, riferimento,
        kenmerk, transactiereferentie, betalingskenmerk, bank reference, check number, cheque number, cheque no, check or slip, chq ref no,
        chq ref number, ref no cheque no, num, umsatz id, buchungsreferenz, transfer reference, transaktions nr, id transakce, id pohybu,
        viite, viitenumero, референс проводки, 交易流水号, uuid, id""",
    "bank_category": "kategorie, category, categorie, categoria, kategoria, spending category, rubriek, unterkategorie, категория",
    "currency": """wahrung, waehrung, whg, whrg, kontowahrung, buchungswahrung, zahlungswahrung, currency, posted currency, account currency,
        currency code, ccy, devise, devises, devies, monn, divisa, moneda, munt, muntsoort, valuta rekening, munteenheid, valutacode, valiuta, waluta rachunku, waluta, mena, mena uctu,
        moeda, valuutta, валюта счета, devizanem, tranzakcio devizaneme, para birimi, валюта платежа, валюта операции, валюта, מטבע, 通貨, 币种""",
    "balance": """saldo nach buchung, saldo, balance, bal, running balance, running bal, account balance, balance after, closing balance,
        solde, kontostand, saldo na mutatie, saldo na trn, saldo disponibile, saldo contable, saldo contabilistico, saldo progressivo,
        saldo po operacji, saldo po transakcji, bokfort saldo, zustatek, balance amount, nouveau solde, verfugbares guthaben,
        egyenleg, bakiye, sold contabil, sold, υπολοιπο, остаток, יתרה, 残高, 差引残高, 取引後残高, 取引後残高 円, 余额, 账户余额""",
    "account": """auftragskonto, iban auftragskonto, iban auftraggeberkonto, bank account, posted account, client account, customer account no,
        account iban, iban account, номер карты счета договора, номер карты, rekening, rekeningnummer, iban bban, numero compte, compte, account num, numero cuenta, cuenta,
        iban cuenta, conto, numero conto, account, rachunek, numer rachunku karty, cislo uctu, szamlaszam, номер счета, 账号, kortnummer, kreditkarte, kredietkaart,
        card number, card no, kartennummer""",
    "account_name": """kontoname, kontobezeichnung, bezeichnung auftragskonto, account name, account label, nombre cuenta, naam rekening,
        nome conto, nazev uctu, szamla neve""",
    "status": """status, state, state type, umsatzstatus, buchungsstatus, transaction status, estado, statut, stato, 当前状态, 交易状态, статус""",
}

FEE = frozenset({"fee", "gebuhr"})
"""A fee that comes on top of the amount, where a layout is known to have it apart."""

UNSURE: dict[str, tuple[str, ...]] = {
    "valuta": ("valued", "currency"),
    "value": ("valued", "amount"),
    "soll haben": ("side", "amount"),
    "tipo": ("side", "text"),
    "iban": ("account", "counterparty_account"),
    "kontonummer": ("account", "counterparty_account"),
    "kontonr": ("account", "counterparty_account"),
    "konto nr": ("account", "counterparty_account"),
    "konto": ("account", "counterparty_account"),
    "account number": ("account", "counterparty_account"),
    "account no": ("account", "counterparty_account"),
    "type": ("side", "text"),
    "transaction type": ("side", "text"),
    "umsatzart": ("side", "text"),
    "umsatztyp": ("side", "text"),
    "art": ("side", "text"),
    "code": ("side", "text"),
    "direction": ("side", "text"),
    "mutatiesoort": ("side", "text"),
}
"""Names that mean one thing here and another there; the cells below, and where the column stands, decide."""

GENERIC_PARTIES = frozenset({"name", "naam", "namn", "navn", "nimi", "nome"})
"""Where a better named column of the other party stands beside it, this one holds the account's owner."""


def _words(text: str) -> frozenset[str]:
    return frozenset(" ".join(text.split()).split(", "))


NEGATIVE = _words(
    """s, soll, d, dr, db, debit, debet, deebet, dbit, af, -, debito, dare, cargo, debe, uscita, lastschrift, belastung, ausgang,
    withdrawal, outflow, out, expense, paid out, money out, kiadas, kiadás, obciążenie, расход, списание, 支払い, 支払, 出金, 支出, 借"""
)
POSITIVE = _words(
    """h, haben, c, cr, credit, crdt, bij, +, credito, avere, abono, haber, entrata, gutschrift, eingang, k, kredit, kreedit, deposit,
    inflow, in, income, paid in, money in, bevétel, uznanie, приход, пополнение, 預り, 預かり, 入金, 收入, 贷"""
)

_BALANCES = _words(
    """opening balance, starting balance, beginning balance, closing balance, ending balance, balance brought forward,
    balance carried forward, balance forward, brought forward, carried forward, turnover, total debits, total credits,
    anfangssaldo, endsaldo, schlusssaldo, saldovortrag, alter kontostand, neuer kontostand, letzter kontostand, kontostand,
    saldo anterior, saldo inicial, saldo final, saldo dia, s a l d o, saldo iniziale, saldo finale, saldo poczatkowe, saldo koncowe,
    beginsaldo, eindsaldo, solde initial, solde final, solde precedent, ancien solde, nouveau solde, ingaende saldo, utgaende saldo, algsaldo,
    loppsaldo, kaive, nyito egyenleg, zaro egyenleg, pocatecni zustatek, konecny zustatek, входящии остаток, исходящии остаток"""
)
_SINCE = re.compile(r"\s(as|at|on|per|am|vom|au|al|a)\s.*|\s[0-9 ]+")

_LITTLE = _words(
    "in, der, des, de, du, d, l, la, le, les, of, the, di, del, della, van, da, do, el, en, na, pro, fur, fuer, euro, euros, euroa"
)
_IN_CURRENCY = re.compile(r"\bin\s+(?=[A-Z]{3}\b|€|\$|£)")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SIGN = re.compile("|".join(map(re.escape, sorted(SIGNS, key=len, reverse=True))))
_NOT_WORD = re.compile(r"[\W_]+")


def plain_name(header: str) -> str:
    """Return a header as it is compared: `Betrag (EUR)` becomes `betrag`, `accountNum` becomes `account num`."""
    words = re.split(r"\W+", _SIGN.sub(" ", _HUMP.sub(" ", _IN_CURRENCY.sub(" ", header))))
    kept = " ".join(word for word in words if not (word.isupper() and word in CODES))
    folded = unicodedata.normalize("NFKD", kept.casefold().replace("ø", "o").replace("ł", "l").replace("ı", "i"))
    bare = "".join(character for character in folded if not unicodedata.combining(character))
    found = _NOT_WORD.sub(" ", bare).split()
    return " ".join(word for word in found if word not in _LITTLE) or " ".join(found)


def is_balance(cell: str) -> bool:
    """Tell whether a text is the name of a balance or total, as `Opening balance` and `Saldo anterior`, and of nothing else."""
    begin = cell[:5].lower()
    # Nearly no text of a booking begins so; the rest is dear.
    if len(cell) > 60 or (begin if begin.isascii() else plain_name(begin)) not in _BEGINS:
        return False
    name = plain_name(cell)
    return name in _TOTALS or _SINCE.sub("", name) in _TOTALS


_TOTALS = frozenset(plain_name(words) for words in _BALANCES)
_BEGINS = frozenset(name[:5] for name in _TOTALS) | frozenset(words[:5] for words in _BALANCES)
FIELDS: dict[str, tuple[str, int]] = {
    plain_name(name): (field, rank)
    for field, names in reversed(NAMES.items())
    for rank, name in enumerate(" ".join(names.split()).split(", "))
}
"""Each name's field and rank within it."""
