"""What to do with a demo that was kept running."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from fleet.cli.demo.stage import CLUSTERS, HUB, SPOKES

if TYPE_CHECKING:
    from fleet.cli.demo.narrator import Narrator
    from fleet.cli.demo.stage import Stage


def show(stage: Stage, narrator: Narrator) -> None:
    """Print where everything is, what to try, and how to end it."""
    narrator.say(f"\n[bold]Everything goes on running in {stage.folder}[/bold]")
    for cluster in CLUSTERS:
        narrator.say_plain(f"  {cluster:<8} {stage.kubeconfig(cluster)}")
    narrator.say_plain(f"  {'its log':<8} {stage.log}")
    _commands(narrator, "Look at the clusters:", _looking(stage))
    _commands(
        narrator,
        "Look at the fleet:",
        [
            f"export FLEET_DATABASE_URL={stage.database_url}",
            "fleet clusters",
            "fleet transforms show webservice",
            "fleet audit --instance default/hello",
            "fleet audit --follow",
        ],
    )
    _commands(narrator, "End all of it:", [f"fleet local down --wipe --dir {stage.folder}"])


def _looking(stage: Stage) -> list[str]:
    if shutil.which("kubectl") is None:
        url = f"--database {stage.database_url}"
        return [
            f"fleet get transforms --cluster {HUB} {url}",
            f"fleet get webservices --cluster {SPOKES[0]} {url}",
            f"fleet get resourcegraphs --cluster {SPOKES[0]} {url} -o yaml",
        ]
    hub, spoke = (f"kubectl --kubeconfig {stage.kubeconfig(name)}" for name in (HUB, SPOKES[0]))
    return [
        f"{hub} get transforms",
        f"{spoke} get webservices,resourcegraphs,deployments,services",
        f'{spoke} patch webservice hello --type=merge -p \'{{"spec": {{"replicas": 4}}}}\'',
        f"{spoke} explain webservice.spec",
    ]


def _commands(narrator: Narrator, title: str, commands: list[str]) -> None:
    narrator.say(f"\n[bold]{title}[/bold]")
    for command in commands:
        narrator.say_plain(f"  {command}")
