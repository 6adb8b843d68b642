"""Privacy: what a configuration says about personal data, as the policy that ingest applies before anything lands."""

from __future__ import annotations

from connectors.personal import KEY_VARIABLE, Policy, unknown_choices
from connectors.stream import Connector, Misconfigured
from flows.settings import Settings, nearest


def policy_of(settings: Settings, source: str) -> Policy:
    """What was chosen for one source; the key is the same for all, so that one person is one token everywhere."""
    return Policy(
        choices=settings.configuration.sources[source].personal, key=settings.secrets.get(KEY_VARIABLE, ""),
        own_domains=frozenset(settings.configuration.company.domains),
    )


def verify(settings: Settings, connector: Connector) -> None:
    """Raises Misconfigured for a choice that names no personal data of this source: misspelled, it would protect nothing."""
    for choice, valid in unknown_choices(settings.configuration.sources[connector.name].personal, connector.streams()).items():
        raise Misconfigured(f"personal: {choice!r} names nothing personal of this source{nearest(choice, valid)}", source=connector.name,
                            mend=f"see [sources.{connector.name}] in {settings.path}")
