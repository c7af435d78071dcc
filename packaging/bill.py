"""What the program is made of: `cargo metadata … | bill.py RUSTC_VERSION ZIG_VERSION FOLDER`.

Writes FOLDER/deblurd.cdx.json, a bill of materials (CycloneDX 1.6), and
FOLDER/third-party.txt, whose each part is under which licence, with the texts
that licences want handed on. Both name what is linked into the program, and
are the same for the same sources: their time is SOURCE_DATE_EPOCH.
"""

import json
import os
import re
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

TEXTS = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def linked(metadata):
    """Identities of the packages in the program, with what each asks for: no build scripts' or tests' own, no macros."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    is_macro = lambda one: any("proc-macro" in target["kind"] for target in packages[one]["targets"])
    graph, waiting = {}, [metadata["resolve"]["root"]]
    while waiting:
        one = waiting.pop()
        if one in graph:
            continue
        graph[one] = [
            asked["pkg"]
            for asked in nodes[one]["deps"]
            if any(kind["kind"] is None for kind in asked["dep_kinds"]) and not is_macro(asked["pkg"])
        ]
        waiting += graph[one]
    return packages, graph


def expression(package):
    """Its licence in SPDX's words; some still write / for OR."""
    if not package["license"]:
        raise SystemExit(f"{package['name']} {package['version']} names no licence in its Cargo.toml")
    return re.sub(r"\s*/\s*", " OR ", package["license"])


def checksums(lock):
    return {(p["name"], p["version"]): p.get("checksum") for p in tomllib.loads(lock.read_text())["package"]}


def component(package, checksum, kind=ComponentType.LIBRARY):
    url = PackageURL("cargo", None, package["name"], package["version"])
    return Component(
        name=package["name"],
        version=package["version"],
        type=kind,
        bom_ref=str(url),
        purl=url if package["source"] else None,
        description=package["description"],
        licenses=[LicenseExpression(expression(package))],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else None,
    )


def toolchain(rustc, zig):
    """What the compiler and the linker put into every program."""
    return [
        Component(
            name="rust-std",
            version=rustc,
            bom_ref="rust-std",
            description="Rust's standard library, with the compiler's intrinsics",
            licenses=[LicenseExpression("MIT OR Apache-2.0")],
        ),
        Component(
            name="zig-runtime",
            version=zig,
            bom_ref="zig-runtime",
            description="LLVM's libunwind and the compiler's intrinsics, as zig links them",
            licenses=[LicenseExpression("MIT AND (Apache-2.0 WITH LLVM-exception)")],
        ),
    ]


def bill(packages, graph, root, sums, tools):
    bom = Bom()
    parts = {
        one: component(
            packages[one],
            sums.get((packages[one]["name"], packages[one]["version"])),
            ComponentType.APPLICATION if one == root else ComponentType.LIBRARY,
        )
        for one in graph
    }
    bom.metadata.component = parts[root]
    bom.components.update(part for one, part in parts.items() if one != root)
    bom.components.update(tools)
    for one, asked in graph.items():
        bom.register_dependency(parts[one], [parts[each] for each in asked] + (tools if one == root else []))
    # The same sources, the same file.
    names = sorted(f"{part.bom_ref.value} {part.version} {part.hashes}" for part in [*parts.values(), *tools])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(names))
    bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def texts(package):
    """The licence files of a package, whatever each is called."""
    folder = Path(package["manifest_path"]).parent
    return [
        path.read_text(errors="replace").strip()
        for path in sorted(folder.iterdir())
        if path.is_file() and TEXTS.match(path.name)
    ]


def third_party(packages, graph, root, tools):
    lines = ["What others wrote of deblurd, and its licences", ""]
    for tool in tools:
        (licence,) = tool.licenses
        lines.append(f"{tool.name} {tool.version}: {licence.value}; {tool.description} (no text of its own here)")
    of_text = {}
    for one in sorted((one for one in graph if one != root), key=lambda one: (packages[one]["name"], one)):
        package = packages[one]
        name = f"{package['name']} {package['version']}"
        found = texts(package)
        by = ", ".join(package["authors"])
        lines.append(f"{name}: {expression(package)}" + (f"; by {by}" if by else "")
                     + ("" if found else " (its archive holds no text)"))
        for text in found:
            # What differs in line ends and indentation alone is one text.
            of_text.setdefault(" ".join(text.split()), (text, []))[1].append(name)
    for text, names in of_text.values():
        lines += ["", "-" * 78, "Of " + ", ".join(names) + ":", "", text]
    return "\n".join(lines) + "\n"


def main():
    tools, folder = toolchain(sys.argv[1], sys.argv[2]), Path(sys.argv[3])
    metadata = json.load(sys.stdin)
    root = metadata["resolve"]["root"]
    packages, graph = linked(metadata)
    sums = checksums(Path(metadata["workspace_root"]) / "Cargo.lock")
    (folder / "deblurd.cdx.json").write_text(bill(packages, graph, root, sums, tools))
    (folder / "third-party.txt").write_text(third_party(packages, graph, root, tools))


if __name__ == "__main__":
    main()
