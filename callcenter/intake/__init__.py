"""A fax, a mail or a chat message becomes a contact."""
