"""``cxnlp info``."""

from __future__ import annotations

import argparse

from cxnlp.cli.engine import folder_of


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "info",
        help="check a bundle and show what it is",
        epilog="example: cxnlp info models/nordic-small",
    )
    parser.add_argument("bundle", nargs="?", help="folder of a bundle (default: the shipped model)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify a bundle and print its labels, size and training data."""
    from cxnlp.bundle import load_bundle

    bundle = load_bundle(folder_of(args.bundle))
    manifest, taxonomy = bundle.manifest, bundle.taxonomy
    size = sum(record.bytes for record in manifest.files.values()) / 1e6
    print(f"{manifest.name}: bundle format {manifest.format_version}, {size:.1f} MB, all hashes as recorded")
    print(f"taxonomy    {taxonomy.name} version {taxonomy.version}, languages {', '.join(taxonomy.languages) or 'any'}")
    for facet in taxonomy.facets:
        print(f"  {facet.name} ({facet.kind}): {', '.join(facet.labels)}")
    for source, counts in manifest.learnt_from().items():
        print(f"trained on  {source}: {', '.join(f'{language} {n:,}' for language, n in counts.items())}")
    if earlier := manifest.data.get("started_from"):
        print(f"started     from {earlier['name']} (manifest {earlier['digest'][:12]}), whose data are among these")
    if calibrated := manifest.data.get("calibrated_on"):
        fitted = ", ".join(f"{language} {n:,}" for language, n in calibrated["reviews"].items())
        print(f"calibrated  on {calibrated['name']}: {fitted}")
    print(f"careful     reading {'learnt' if manifest.careful else 'not learnt: cxnlp calibrate --careful'}")
    changed = ", ".join(f"{language} {share:.2%}" for language, share in manifest.parity.items())
    print(f"precisions  --min-precision takes: {', '.join(manifest.precise) or 'none recorded'}")
    print(f"eight bits  changed labels: {changed or 'not recorded'}")
    return 0
