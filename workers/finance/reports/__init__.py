"""Reports of a period over accounts: what they hold, a PDF to read and a workbook to calculate with."""
