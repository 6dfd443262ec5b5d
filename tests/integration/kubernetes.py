#!/usr/bin/env python3
# ctest: TIMEOUT 600
"""The manifests below scripts/container/kubernetes: Kubernetes' own schema, and what each of the two modes promises.

The schema is that of npm's kubernetes-models, made from Kubernetes' OpenAPI. It lets unknown fields pass, as the server
does unless it is asked; here each field must be one that the schema has. Exit 77: npm or the packages cannot be had.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import copy  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
from pathlib import Path  # noqa: E402

TREE = Path(__file__).resolve().parent.parent.parent
MANIFESTS = TREE / "scripts/container/kubernetes"
PACKAGES = ["kubernetes-models@5.1.0", "yaml@2.8.1"]
HUGE_PAGES = re.compile(r"hugepages-(2Mi|1Gi)$")


def install(folder):
    rig.need("node", "npm")
    if all((folder / "node_modules" / package.split("@")[0] / "package.json").exists() for package in PACKAGES):
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(["npm", "install", "--prefix", str(folder), "--no-save", "--ignore-scripts", "--no-audit",
                               "--no-fund", "--fetch-retries=0", "--fetch-timeout=20000", *PACKAGES],
                              capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        rig.skip("npm did not bring the packages within 300 s")
    if done.returncode != 0:
        reasons = [line for line in done.stderr.splitlines() if line.startswith(("npm error", "npm ERR"))]
        rig.skip(f"npm cannot install {' '.join(PACKAGES)}: {(reasons or ['no message'])[0]}")


def judge(folder, text):
    """The documents of a YAML text, and what the schema says against them."""
    done = subprocess.run(["node", str(TREE / "tests/integration/tools/kubernetes_judge.mjs"), str(folder)], input=text,
                          capture_output=True, text=True, timeout=120)
    rig.check(done.returncode == 0, f"the judge ended with {done.returncode}: {done.stderr}")
    answer = json.loads(done.stdout)
    return answer["documents"], answer["complaints"]


def pod_of(document):
    return document["spec"]["template"]["spec"] if document["kind"] == "Deployment" else document["spec"]


def guaranteed(pod):
    """What is against the class Guaranteed: each container has CPU and memory, and requests what it is limited to."""
    for container in pod["containers"]:
        resources = container["resources"]
        if resources["requests"] != resources["limits"]:
            yield "requests are not limits"
        if not {"cpu", "memory"} <= set(resources["limits"]):
            yield "no limit of CPU or memory"


def hardened(pod, capabilities):
    """What is against a pod with these capabilities and no other way out."""
    if pod.get("hostNetwork") or pod.get("hostPID") or pod.get("hostIPC"):
        yield "a name space of the machine's"
    if any("hostPath" in volume for volume in pod.get("volumes", [])):
        yield "a folder of the machine's"
    if pod["securityContext"]["seccompProfile"]["type"] != "RuntimeDefault":
        yield "no seccomp profile"
    for container in pod["containers"]:
        security = container["securityContext"]
        if security.get("privileged") or security["allowPrivilegeEscalation"]:
            yield "privileged"
        if not security["readOnlyRootFilesystem"]:
            yield "a root file system that can be written"
        if security["capabilities"]["drop"] != ["ALL"] or security["capabilities"].get("add", []) != capabilities:
            yield f"capabilities other than {capabilities}"


def against_fallback(pod):
    yield from guaranteed(pod)
    yield from hardened(pod, [])
    if not pod["securityContext"]["runAsNonRoot"] or pod["securityContext"]["runAsUser"] == 0:
        yield "root"
    if any(not re.fullmatch("cpu|memory", name) for c in pod["containers"] for name in c["resources"]["limits"]):
        yield "a resource beside CPU and memory"


def against_bypass(pod):
    yield from guaranteed(pod)
    yield from hardened(pod, ["IPC_LOCK", "SYS_NICE"])
    limits = pod["containers"][0]["resources"]["limits"]
    if not re.fullmatch(r"[1-9]\d*", str(limits["cpu"])):
        yield "CPUs that are no whole number: the static CPU manager gives none for the pod alone"
    pages = [HUGE_PAGES.match(name)[1] for name in limits if HUGE_PAGES.match(name)]
    media = [volume["emptyDir"]["medium"] for volume in pod["volumes"] if "emptyDir" in volume]
    if len(pages) != 1 or f"HugePages-{pages[0]}" not in media:
        yield "huge pages and their volume do not fit together"
    if not any("/" in name for name in limits):
        yield "no card"
    mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    if mounts != {volume["name"] for volume in pod["volumes"]}:
        yield "volumes and mounts do not fit together"


def arguments_are_accepted(bin_dir, container):
    """The program knows the options: it comes as far as a CPU that is not there."""
    program, *arguments = container["args"]
    ended = rig.run(bin_dir, program, *arguments, "--cores=999")
    rig.check(ended.returncode == 2 and "CPU 999 " in ended.stderr, f"{arguments}: {ended}")


def planted(pod):
    """Manifests with one thing wrong each, which the checks must find."""
    def changed(change):
        other = copy.deepcopy(pod)
        change(other)
        return other

    yield changed(lambda p: p["containers"][0]["resources"]["requests"].update(cpu="250m"))
    yield changed(lambda p: p["containers"][0]["securityContext"].update(privileged=True))
    yield changed(lambda p: p["containers"][0]["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]))
    yield changed(lambda p: p.update(hostNetwork=True))


def main():
    bin_dir = os.path.abspath(sys.argv[1])
    folder = Path(bin_dir).parent / "npm" / "kubernetes"
    install(folder)
    for name, against in (("fallback", against_fallback), ("bypass", against_bypass)):
        text = (MANIFESTS / f"{name}.yaml").read_text()
        documents, complaints = judge(folder, text)
        rig.check(not complaints, f"{name}: {complaints}")
        pod = pod_of(documents[0])
        rig.check(not list(against(pod)), f"{name}: {list(against(pod))}")
        for index, other in enumerate(planted(pod)):
            rig.check(list(against(other)), f"{name}: what was planted in number {index} is not found")
        arguments_are_accepted(bin_dir, pod["containers"][0])
        for wrong, right in (("containerss:", "containers:"), ("imag:", "image:"), ("dropp:", "drop:"),
                             ("runAsUser: none #", "runAsUser:")):
            _, complaints = judge(folder, text.replace(right, wrong, 1))
            rig.check(complaints, f"{name}: {wrong} instead of {right} is not found")
        print(f"ok: {name}: {', '.join(document['kind'] for document in documents)}")


main()
