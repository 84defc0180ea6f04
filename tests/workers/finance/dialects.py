"""Statements of the same three bookings as different banks write them; every one must read as `BOOKINGS`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

BOOKINGS = [
    (date(2024, 1, 2), Decimal("-3.20"), "EUR"),
    (date(2024, 1, 15), Decimal("2345.67"), "EUR"),
    (date(2024, 1, 31), Decimal("-1204.00"), "EUR"),
]

STATEMENTS: dict[str, bytes] = {
    "german_savings_bank": (
        '"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Beguenstigter/Zahlungspflichtiger";'
        '"Kontonummer/IBAN";"Betrag";"Waehrung";"Info"\n'
        '"DE89370400440532013000";"02.01.24";"02.01.24";"KARTENZAHLUNG";"Brot";"Bäckerei";"";"-3,20";"EUR";"Umsatz gebucht"\n'
        '"DE89370400440532013000";"15.01.24";"15.01.24";"LOHN";"Januar";"Firma";"DE1";"2345,67";"EUR";"Umsatz gebucht"\n'
        '"DE89370400440532013000";"31.01.24";"31.01.24";"DAUERAUFTRAG";"Miete";"Vermieter";"";"-1204,00";"EUR";"Umsatz gebucht"\n'
    ).encode("cp1252"),
    "german_direct_bank_with_preamble": (
        '"Girokonto";"DE89370400440532013000"\n""\n"Kontostand vom 31.01.2024:";"5.000,00 €"\n""\n'
        '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";"Umsatztyp";'
        '"IBAN";"Betrag (€)"\n'
        '"02.01.24";"02.01.24";"Gebucht";"Ich";"Bäckerei";"Brot";"Ausgang";"DE02120300000000202051";"-3,2"\n'
        '"15.01.24";"15.01.24";"Gebucht";"Firma";"Ich";"Lohn";"Eingang";"DE1";"2.345,67"\n'
        '"31.01.24";"31.01.24";"Gebucht";"Ich";"Vermieter";"Miete";"Ausgang";"DE2";"-1.204"\n'
    ).encode("utf-8-sig"),
    "cooperative_bank_with_debit_mark": (
        "Buchung;Valuta;Auftraggeber/Empfänger;Verwendungszweck;Währung;Umsatz;Soll/Haben\n"
        "02.01.2024;02.01.2024;Bäckerei;Brot;EUR;3,20;S\n"
        "15.01.2024;15.01.2024;Firma;Lohn;EUR;2.345,67;H\n"
        "31.01.2024;31.01.2024;Vermieter;Miete;EUR;1.204,00;S\n"
    ).encode("latin-1"),
    "english_app_bank": (
        b"Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
        b"CARD_PAYMENT,Current,2024-01-01 10:00:00,2024-01-02 03:04:05,Bakery,-3.20,0.00,EUR,COMPLETED,10.00\n"
        b"TOPUP,Current,2024-01-15 10:00:00,2024-01-15 10:00:01,Salary,2345.67,0.00,EUR,COMPLETED,2355.67\n"
        b"TRANSFER,Current,2024-01-31 10:00:00,2024-01-31 10:00:01,Rent,-1204.00,0.00,EUR,COMPLETED,1151.67\n"
    ),
    "british_two_columns": (
        b"Date,Description,Paid out,Paid in,Balance,Currency\n"
        b'02/01/2024,"BAKERY, LONDON",3.20,,"1,000.00",EUR\n'
        b'15/01/2024,SALARY,,"2,345.67","3,345.67",EUR\n'
        b'31/01/2024,RENT,"1,204.00",,"2,141.67",EUR\n'
    ),
    "american_with_type": (
        b"Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #,Currency\n"
        b"DEBIT,01/02/2024,BAKERY,-3.20,ACH_DEBIT,1000.00,,EUR\n"
        b'CREDIT,01/15/2024,SALARY,"2,345.67",ACH_CREDIT,3345.67,,EUR\n'
        b'DEBIT,01/31/2024,RENT,"-1,204.00",ACH_DEBIT,2141.67,,EUR\n'
    ),
    "french_debit_credit": (
        "Compte;FR1420041010050500013M02606\nSolde (EUR);1 138,47\n\n"
        "Date d'opération;Date de valeur;Libellé;Débit;Crédit\n"
        "02/01/2024;02/01/2024;Boulangerie;3,20;\n"
        "15/01/2024;15/01/2024;Salaire;;2\u00a0345,67\n"
        "31/01/2024;31/01/2024;Loyer;1\u00a0204,00;\n"
    ).encode("latin-1"),
    "french_negative_debits": (
        "Date;Libellé;Débit euros;Crédit euros;Devise\n"
        "02/01/2024;Boulangerie;-3,20;;EUR\n15/01/2024;Salaire;;2345,67;EUR\n31/01/2024;Loyer;-1204,00;;EUR\n"
    )
    .replace("Débit euros", "Débit (EUR)")
    .replace("Crédit euros", "Crédit (EUR)")
    .encode("latin-1"),
    "spanish": (
        "Fecha operación;Fecha valor;Concepto;Importe EUR;Saldo EUR\n"
        "02/01/2024;02/01/2024;Panadería;-3,20;100,00\n"
        "15/01/2024;15/01/2024;Nómina;2.345,67;2.445,67\n"
        "31/01/2024;31/01/2024;Alquiler;-1.204,00;1.241,67\n"
    ).encode("cp1252"),
    "italian": (
        b"Data Contabile;Data Valuta;Descrizione operazione;Addebiti;Accrediti;Divisa\n"
        b"02/01/2024;02/01/2024;Panificio;3,20;;EUR\n15/01/2024;15/01/2024;Stipendio;;2.345,67;EUR\n"
        b"31/01/2024;31/01/2024;Affitto;1.204,00;;EUR\n"
    ),
    "dutch_af_bij": (
        b'"Datum","Naam / Omschrijving","Rekening","Tegenrekening","Code","Af Bij","Bedrag (EUR)","Mutatiesoort","Mededelingen"\n'
        b'"20240102","Bakker","NL91ABNA0417164300","","BA","Af","3,20","Betaalautomaat","Brood"\n'
        b'"20240115","Werkgever","NL91ABNA0417164300","NL20INGB0001234567","OV","Bij","2345,67","Overschrijving","Salaris"\n'
        b'"20240131","Verhuurder","NL91ABNA0417164300","","OV","Af","1204,00","Overschrijving","Huur"\n'
    ),
    "swiss_utf16_tabs": (
        "Datum:\tbis 31.01.2024\nKonto:\tCH9300762011623852957\nWährung:\tEUR\n\n"
        "Datum\tAvisierungstext\tGutschrift in EUR\tLastschrift in EUR\tValuta\tSaldo in EUR\n"
        "31.01.2024\tMiete\t\t-1'204.00\t31.01.2024\t2'141.67\n"
        "15.01.2024\tLohn\t2'345.67\t\t15.01.2024\t3'345.67\n"
        "02.01.2024\tBäckerei\t\t-3.20\t02.01.2024\t1'000.00\n"
    ).encode("utf-16"),
    "swedish": (
        "Bokföringsdag;Belopp;Avsändare;Mottagare;Namn;Rubrik;Saldo;Valuta\n"
        "2024-01-02;-3,20;;;Bageri;Bröd;100,00;EUR\n2024-01-15;2345,67;;;Arbete;Lön;2445,67;EUR\n"
        "2024-01-31;-1204,00;;;Värd;Hyra;1241,67;EUR\n"
    ).encode("utf-8-sig"),
    "polish": (
        "Data operacji;Data księgowania;Opis operacji;Kwota;Waluta\n"
        "2024-01-02;2024-01-02;Piekarnia żółć;-3,20;EUR\n2024-01-15;2024-01-15;Wypłata;2 345,67;EUR\n"
        "2024-01-31;2024-01-31;Czynsz;-1 204,00;EUR\n"
    ).encode("cp1250"),
    "pipes_and_brackets": (
        b"sep=|\nDate|Payee|Memo|Amount EUR\n"
        b"2 Jan 2024|Bakery|Bread|(3.20)\n15 Jan 2024|Work|Salary|2,345.67\n31 Jan 2024|Landlord|Rent|(1,204.00)\n"
    ),
    "old_mac_line_ends": b"Date;Amount;Currency\r2024-01-02;-3.20;EUR\r2024-01-15;2345.67;EUR\r2024-01-31;-1204;EUR\r",
}
