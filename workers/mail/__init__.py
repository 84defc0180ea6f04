"""Mail: mailboxes read for what banks tell, digests sent to people."""
