"""A guest with PCI network cards, under QEMU; its cards' other end is this machine's kernel.

    with machine.Guest(nic="igb") as guest:
        print(guest.ask("lspci"))

Card number i is wired to the device skerry<i> of this network namespace, which has the address 198.18.<i>.1/24; the
guest's side has the hardware address 02:00:00:00:0<i>:02 and no other. Made for behaviour: CPUs and cards are emulated
unless this machine can do better, so nothing here may be timed.
"""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TREE, "tests", "integration", "tools"))
import rig  # noqa: E402

rig.PATIENCE = 120
LAB = os.environ.get("LAB_DIR") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "skerry-lab")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
BOOT_QUIET = 90  # seconds; a boot takes 6 on idle cores and minutes on busy ones, but its console goes on
BOOTS = 3  # now and then one hangs before its first line


def need():
    """Skips the test where no guest can run."""
    if not os.path.exists(os.path.join(LAB, "disk", "root.img")) or not os.path.isdir(os.path.join(LAB, "qemu")):
        rig.skip(f"there is no lab in {LAB}; run tests/lab/build")
    rig.need("ip", "setpriv")
    if rig.INSIDE not in os.environ:
        rig.skip("no network namespace of its own; run it as root")


def accelerator():
    flags = open("/proc/cpuinfo", encoding="ascii", errors="replace").read()
    return "kvm" if os.access("/dev/kvm", os.W_OK) and re.search(r"\b(svm|vmx)\b", flags) else "tcg"


class Guest:
    """Boots when entered; ended by its own process id, whatever happens.

    nic: igb, e1000e or virtio; bind: vfio-pci, or none: the kernel's driver has them; queues: of virtio.
    """

    def __init__(self, nic="igb", cards=1, cpus=2, memory_mib=2048, huge_pages=256, queues=1, numa=False,
                 bind="vfio-pci", nic_options=""):
        need()
        self.nic, self.cards, self.cpus, self.memory_mib, self.numa = nic, cards, cpus, memory_mib, numa
        self.huge_pages, self.queues, self.bind, self.nic_options = huge_pages, queues, bind, nic_options
        # Only virtio hands a packet's unfinished checksum from kernel to kernel; on the wire of a card there is none.
        self.is_half_summed = nic == "virtio"
        self.folder = tempfile.mkdtemp(prefix="skerry-lab.")
        self.process = self.line = self.monitor = None
        self.commands, self.received, self.log = 0, b"", b""

    def __enter__(self):
        try:
            self.wire()
            for _ in range(BOOTS):
                if self.boot():
                    break
                self.end()
            else:
                rig.check(False, f"the guest did not boot; its console:\n{self.console()[-3000:]}")
            self.hand_over()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- booting

    def wire(self):
        for number in range(self.cards):
            device = f"skerry{number}"
            made = subprocess.run(["ip", "tuntap", "add", "dev", device, "mode", "tap",
                                   *(["vnet_hdr"] if self.is_half_summed else []),
                                   *(["multi_queue"] if self.queues > 1 else [])], capture_output=True, text=True)
            if made.returncode != 0:
                rig.skip(f"no TAP device here: {made.stderr.strip()}")
            # The kernel's own chatter would make counts differ from run to run.
            with open(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", "w", encoding="ascii") as switch:
                switch.write("1")
            subprocess.run(["ip", "link", "set", device, "address", f"02:00:00:00:0{number}:01", "up"], check=True)
            subprocess.run(["ip", "address", "add", f"198.18.{number}.1/24", "dev", device], check=True)

    def boot(self):
        """False when the guest did not come up."""
        new = os.path.join(LAB, "qemu")
        # It ends with the test, also where that is killed.
        command = ["setpriv", "--pdeathsig", "KILL", os.path.join(new, LIBRARIES, "ld-linux-x86-64.so.2"),
                   "--library-path", os.path.join(new, LIBRARIES), os.path.join(new, "usr/bin/qemu-system-x86_64"),
                   "-L", os.path.join(new, "usr/share/qemu"),
                   "-L", os.path.join(new, "usr/share/seabios"), *self.arguments()]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(os.path.join(self.folder, "qemu.log"), "wb"),
                                        env={**os.environ, "QEMU_MODULE_DIR": os.path.join(new, LIBRARIES, "qemu")})
        deadline = time.monotonic() + BOOT_QUIET
        self.monitor = self.connect("monitor", deadline)
        self.line = self.connect("line", deadline)
        if self.line is None or self.monitor is None:
            return False
        self.commands, self.received = 0, b""
        return self.comes_up()

    def comes_up(self):
        """Waits for the guest's first word as long as its console goes on."""
        seen, quiet_since = 0, time.monotonic()
        while self.answer(time.monotonic() + 1) is None:
            now, size = time.monotonic(), len(self.console())
            if size > seen:
                seen, quiet_since = size, now
            if self.process.poll() is not None or now - quiet_since > BOOT_QUIET:
                return False
        return True

    def arguments(self):
        disk, kernel = os.path.join(LAB, "disk"), "console=ttyS0 panic=-1 mitigations=off no_timer_check tsc=reliable"
        kernel += f" intel_iommu=on iommu=pt lab_pages={self.huge_pages}"
        yield from ("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-cpu", "max",
                    "-smp", str(self.cpus), "-m", str(self.memory_mib))
        if accelerator() == "kvm":
            yield from ("-machine", "q35,kernel-irqchip=split", "-accel", "kvm")
        else:
            yield from ("-machine", "q35", "-accel", "tcg,thread=multi")
        yield from ("-kernel", f"{disk}/vmlinuz", "-initrd", f"{disk}/initramfs", "-append", kernel,
                    "-drive", f"if=none,id=disk,file={disk}/root.img,format=raw,readonly=on",
                    "-device", "virtio-blk-pci,drive=disk")
        for tag, folder in (("lab", os.path.join(HERE)), ("host", TREE)):
            yield from ("-virtfs", f"local,path={folder},mount_tag={tag},security_model=none,readonly=on,"
                        "multidevs=remap")
        yield from ("-chardev", f"file,id=log,path={self.folder}/console", "-serial", "chardev:log",
                    "-chardev", f"socket,id=line,path={self.folder}/line,server=on,wait=off", "-serial", "chardev:line",
                    "-chardev", f"socket,id=monitor,path={self.folder}/monitor,server=on,wait=off",
                    "-mon", "chardev=monitor",
                    # Before the devices that it translates for.
                    "-device", "intel-iommu,intremap=on,device-iotlb=on,aw-bits=48")
        yield from self.bus()
        yield from self.network()

    def bus(self):
        """With two nodes the cards sit behind a host bridge of the second one."""
        if not self.numa:
            return
        half, memory = self.cpus // 2, self.memory_mib // 2
        for node, processors in ((0, f"0-{half - 1}"), (1, f"{half}-{self.cpus - 1}")):
            yield from ("-object", f"memory-backend-ram,id=m{node},size={memory}M",
                        "-numa", f"node,nodeid={node},memdev=m{node},cpus={processors}")
        yield from ("-numa", "dist,src=0,dst=1,val=21",
                    "-device", "pxb-pcie,id=far,bus=pcie.0,bus_nr=128,numa_node=1")

    def network(self):
        model, options = self.nic, self.nic_options
        if self.nic == "virtio":
            model = "virtio-net-pci"
            options = (f"mq=on,vectors={2 * self.queues + 2},disable-legacy=on,iommu_platform=on,ats=on"
                       + (f",{options}" if options else ""))
        for number in range(self.cards):
            yield from ("-netdev", f"tap,id=net{number},ifname=skerry{number},script=no,downscript=no,vhost=off,"
                        f"queues={self.queues},vnet_hdr={'on' if self.is_half_summed else 'off'}",
                        "-device", f"pcie-root-port,id=slot{number},bus={'far' if self.numa else 'pcie.0'},"
                        f"chassis={number + 1},addr={16 + number}",
                        "-device", f"{model},id=nic{number},netdev=net{number},bus=slot{number},"
                        f"mac=02:00:00:00:0{number}:02" + (f",{options}" if options else ""))

    def connect(self, name, deadline):
        while time.monotonic() < deadline and self.process.poll() is None:
            channel = socket.socket(socket.AF_UNIX)
            try:
                channel.connect(os.path.join(self.folder, name))
                return channel
            except OSError:
                channel.close()
                time.sleep(0.05)
        return None

    def hand_over(self):
        """Finds the cards and gives them to the driver that was asked for."""
        found = self.ask("cd /sys/bus/pci/devices; for d in *; do [ $(cat $d/class) != 0x020000 ] || echo $d; done")
        self.ports = found.split()
        self.port = self.ports[0]
        for port in self.ports:
            # virtio's interface is a driver's further up; and any takes a moment to be there.
            device = f"/sys/bus/pci/devices/{port}"
            self.ask(f"modprobe $(cat {device}/modalias); modprobe virtio_net; for i in $(seq 100); do "
                     f"[ -e {device}/net ] || ls {device}/virtio*/net && exit 0; sleep 0.1; done; exit 1")
            if self.bind:
                self.ask(f"modprobe {self.bind} && /host/scripts/nic.sh bind {port} --driver={self.bind}")

    def program(self, bin_dir, name):
        """A program of this machine, as the guest knows it; the test is skipped where the guest cannot run it."""
        path = os.path.join("/host", os.path.relpath(bin_dir, TREE), name)
        status, output = self.run(f"ldd {path}")
        if status != 0 or "not found" in output:
            rig.skip(f"{name} was not built for Debian 12, which the guest runs: {output.strip()}")
        return path

    # --- its end

    def end(self):
        for channel in (self.line, self.monitor):
            if channel is not None:
                channel.close()
        self.line = self.monitor = None
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for name in ("line", "monitor"):
            if os.path.exists(path := os.path.join(self.folder, name)):
                os.unlink(path)

    def console(self):
        parts = []
        for name in ("qemu.log", "console"):
            if os.path.exists(path := os.path.join(self.folder, name)):
                parts.append(open(path, encoding="utf-8", errors="replace").read())
        return "\n".join(parts)

    # --- talking to it

    def answer(self, deadline):
        """The status and output of the command that was sent last; None when it did not end in time."""
        end = re.compile(rb"(?:^|\n)@%d (\d+)\r?\n" % self.commands)
        while not (found := end.search(self.received)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.line], [], [], left)[0]:
                return None
            part = self.line.recv(65_536)
            if not part:
                return None
            self.received += part
        output, self.received = self.received[:found.start()], self.received[found.end():]
        return int(found[1]), output.decode(errors="replace").replace("\r\n", "\n")

    def run(self, command, patience=180):
        """Status and output, standard error included."""
        self.commands += 1
        self.line.sendall(f"{self.commands} {command}\n".encode())
        answer = self.answer(time.monotonic() + patience)
        rig.check(answer is not None, f"the guest did not end within {patience} s: {command}\n{self.received!r}\n"
                  f"{self.console()[-2000:]}")
        return answer

    def ask(self, command, patience=180):
        """The output of what must end well."""
        status, output = self.run(command, patience)
        rig.check(status == 0, f"in the guest {command} ended with {status}: {output}")
        return output

    def tell_monitor(self, command):
        """One of QEMU's commands: set_link nic0 off; device_del nic0."""
        self.monitor.sendall(command.encode() + b"\n")
