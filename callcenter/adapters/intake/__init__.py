"""Mails, faxes and messages come in: kept, claimed, acknowledged, read, queued."""
