"""Privacy: what a configuration says about personal data, as the policy that ingest applies before anything lands."""

from __future__ import annotations

from connectors import personal
from connectors.personal import KEY_VARIABLE, Guard, Policy, wrong_choices
from connectors.stream import Connector, Misconfigured, Stream
from flows.settings import Settings, nearest
from flows.store import ledger as ledgers


def policy_of(settings: Settings, source: str) -> Policy:
    """What was chosen for one source; the key is the same for all, so that one person is one token everywhere."""
    return Policy(
        choices=settings.configuration.sources[source].personal, key=settings.secrets.get(KEY_VARIABLE, ""),
        own_domains=frozenset(settings.configuration.company.domains),
    )


def verify(settings: Settings, connector: Connector) -> None:
    """Raises Misconfigured for a choice that names no personal data of this source: misspelled, it would protect nothing."""
    for choice, valid in wrong_choices(settings.configuration.sources[connector.name].personal, connector.streams()).items():
        raise Misconfigured(f"personal: {choice!r} names nothing personal of this source{nearest(choice, list(valid))}", source=connector.name,
                            mend=f"see [sources.{connector.name}] in {settings.path}")


def guard(source: str, stream: Stream, policy: Policy, ledger: ledgers.Ledger) -> Guard:
    """What is done to a stream's records, by the same key and with the same landed keys as ever.

    Raises Misconfigured where that has changed: with another key everybody would become somebody else, and records under other keys would stand beside
    the old ones instead of replacing them.
    """
    made = personal.guard(source, stream, policy)
    mend = "put it back, or begin a new state.home (and state.ledger): then everything is read again and lands so from the start"
    if made.key_is and ledgers.first_mark(ledger, "personal key", made.key_is) != made.key_is:
        raise Misconfigured(f"{KEY_VARIABLE} is not the key that what has landed was hashed with", source=source, stream=stream.name, mend=mend)
    landed_before = bool(ledgers.last_batch(ledger, source, stream.name))
    sealed = made.key_is if made.seals_keys else "plain"
    if ledgers.first_mark(ledger, f"keys of {source}/{stream.name}", "plain" if landed_before else sealed) != sealed:
        raise Misconfigured("part of its key is personal, and what becomes of it was changed after records had landed", source=source, stream=stream.name,
                            mend=mend)
    return made
