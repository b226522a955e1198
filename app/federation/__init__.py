"""The peer edge: how autonomous instances share needs.

Top down: sync (repair) > inbox, outbox, delivery (lanes) > registry (everything we accept) >
handlers (what a message does) > verification (the only maker of VerifiedMessage) > peers (who
they are and where we stand) > wire (documents, as they travel).
"""
