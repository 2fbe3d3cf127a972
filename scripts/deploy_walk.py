#!/usr/bin/env python3
"""`docs/knative.md`, "In ten minutes", walked as it stands there: `deploy/` applied by kubectl to an API server, and what
its Deployment asks for run as a kubelet would: the image's program as the manifest's user, on a root that cannot be
written to, with the manifest's arguments, its ConfigMap, its Secret, the account's own token and nothing else. Functions
are those of `reeve fleet`. Started by scripts/test-deploy, which starts the API server."""

import argparse
import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REEVE = os.path.join(ROOT, "build/release/cli/reeve")
NAMESPACE, FUNCTIONS = "walk", 3  # of configs/scenarios/sim_to_live.yaml
ACCOUNT = "system:serviceaccount:reeve:reeve"
TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"  # where every pod has them
# What a server of 1.20 does not have yet (Debian's), and a cluster of today has.
NEWER = {"PodDisruptionBudget", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


def wait_until(holds, seconds, what):
    """Returns what `holds` returns as soon as it is not false."""
    end = time.monotonic() + seconds
    while True:
        result = holds()
        if result:
            return result
        if time.monotonic() > end:
            sys.exit(f"reeve: not within {seconds} s: {what}")
        time.sleep(0.2)


def check(holds, what):
    if not holds:
        sys.exit(f"reeve: this does not hold: {what}")
    print(f"  {what}", flush=True)


class Cluster:
    """The API server, by kubectl as its administrator."""

    def __init__(self, kube, folder):
        self.kube, self.folder, self.updates = kube, folder, []
        self.environment = {**os.environ, "KUBECONFIG": f"{kube}/admin.kubeconfig", "HOME": folder}
        server = dict(line.strip().split("=", 1) for line in open(f"{kube}/env"))["SERVER"]
        self.port = server.rsplit(":", 1)[1]

    def kubectl(self, *arguments, may_fail=False, given=None):
        done = subprocess.run(["kubectl", *arguments], cwd=ROOT, env=self.environment, input=given,
                              capture_output=True, text=True)
        if done.returncode != 0 and not may_fail:
            sys.exit(f"reeve: kubectl {' '.join(arguments)}: {done.stderr}")
        return done

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def apply(self, overlay):
        """kubectl apply -k; what this server is too old for is left out, and nothing else."""
        done = self.kubectl("apply", "-k", f"deploy/{overlay}", may_fail=True)
        missing = set(re.findall(r'no matches for kind "(\w+)"', done.stderr))
        others = [line for line in done.stderr.splitlines()
                  if "no matches for kind" not in line and "ensure CRDs are installed first" not in line]
        if others or missing - NEWER or (done.returncode != 0 and not missing):
            sys.exit(f"reeve: kubectl apply -k deploy/{overlay}: {done.stderr}")
        print(f"  deploy/{overlay}: {len(done.stdout.splitlines())} objects"
              + (f"; this server is too old for {', '.join(sorted(missing))}" if missing else ""))

    def may(self, verb, what, *more):
        """Whether the account of deploy/ has this right."""
        done = self.kubectl("auth", "can-i", verb, what, f"--as={ACCOUNT}", *more, may_fail=True)
        return done.stdout.strip() == "yes"

    def objects(self):
        """Every revision and PodAutoscaler, by kind and name."""
        return {f"{item['kind']}/{item['metadata']['name']}": item
                for kind in ("revisions.serving.knative.dev", "podautoscalers.autoscaling.internal.knative.dev")
                for item in self.get(kind, "-n", NAMESPACE)["items"]}

    def annotations(self):
        """Of each of them: those that a controller may have set."""
        return {name: {key: value for key, value in item["metadata"].get("annotations", {}).items()
                       if key.startswith(("autoscaling.", "reeve-"))}
                for name, item in self.objects().items()}

    def note_updates(self, what, old):
        """For the admission policy: what has changed since; returns how it is now."""
        now = self.objects()
        self.updates += [{"what": f"{what}: {name}", "old": old[name], "new": now[name]} for name in now
                         if old[name]["metadata"]["resourceVersion"] != now[name]["metadata"]["resourceVersion"]]
        with open(f"{self.folder}/updates.json", "w") as file:
            json.dump(self.updates, file)
        return now

    def all_attached(self):
        return sum("reeve-attached" in found and "autoscaling.knative.dev/min-scale" in found
                   for found in self.annotations().values()) == FUNCTIONS

    def leader(self):
        lease = json.loads(self.kubectl("get", "lease", "reeve", "-n", "reeve", "-o", "json",
                                        "--ignore-not-found").stdout or "{}")
        return lease.get("spec", {}).get("holderIdentity", "")


class Pod:
    """One of the Deployment, as the server has it now; `name` is its host name."""

    def __init__(self, cluster, name, options, port=None, also=()):
        self.cluster, self.name, self.options = cluster, name, options
        self.folder = f"{options.folder}/{name}"
        self.template = cluster.get("deployment", "reeve", "-n", "reeve")["spec"]["template"]["spec"]
        self.container = self.template["containers"][0]
        self.port = port or self.container["ports"][0]["containerPort"]
        self.user = str(self.template["securityContext"]["runAsUser"])
        self.mounts = self.make_volumes()
        arguments = list(self.container["args"])
        if port:  # pods have addresses of their own; here they share the machine's
            arguments += ["--set", f"http.listen=127.0.0.1:{port}"]
        if options.period:
            arguments += ["--set", f"loop.period={options.period}"]
        for setting in also:
            arguments += ["--set", setting]
        self.log = open(f"{self.folder}.log", "ab")
        self.process = subprocess.Popen(self.isolation() + arguments, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def make_volumes(self):
        """[(folder here, path in the pod, whether it may be written to)]"""
        places = {mount["name"]: mount for mount in self.container["volumeMounts"]}
        mounts = []
        for volume in self.template["volumes"]:
            folder, files = f"{self.folder}/{volume['name']}", {}
            if "configMap" in volume:
                files = self.cluster.get("configmap", volume["configMap"]["name"], "-n", "reeve")["data"]
            elif "secret" in volume:
                secret = self.cluster.get("secret", volume["secret"]["secretName"], "-n", "reeve")["data"]
                files = {key: base64.b64decode(value).decode() for key, value in secret.items()}
            elif "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                self.cluster.get("persistentvolumeclaim", claim, "-n", "reeve")
                folder = f"{self.options.folder}/claim-{claim}"
            mount = places[volume["name"]]
            mounts.append((self.write(folder, files), mount["mountPath"],
                           not mount.get("readOnly", False)))
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                   "spec": {"expirationSeconds": 3600}}
        token = json.loads(self.cluster.kubectl(
            "create", "--raw", "/api/v1/namespaces/reeve/serviceaccounts/"
            f"{self.template['serviceAccountName']}/token", "-f", "-", given=json.dumps(request)).stdout)
        mounts.append((self.write(f"{self.folder}/account", {
            "token": token["status"]["token"], "namespace": "reeve",
            "ca.crt": open(f"{self.cluster.kube}/pki/ca.crt").read()}), TOKENS, False))
        return mounts

    @staticmethod
    def write(folder, files):
        os.makedirs(folder, exist_ok=True)
        for file, text in files.items():
            with open(f"{folder}/{file}", "w") as out:
                out.write(text)
        return folder

    def isolation(self):
        """bubblewrap's command line up to the program's arguments."""
        command = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
                   "--uid", self.user, "--gid", self.user, "--hostname", self.name,
                   "--die-with-parent", "--cap-drop", "ALL", "--clearenv",
                   "--setenv", "PATH", "/usr/bin", "--setenv", "HOSTNAME", self.name,
                   "--setenv", "KUBERNETES_SERVICE_HOST", "127.0.0.1",
                   "--setenv", "KUBERNETES_SERVICE_PORT", self.cluster.port]
        image = self.options.image_root or "/"
        for entry in ("usr", "etc/ssl", "etc/alternatives"):
            if os.path.isdir(f"{image}/{entry}"):
                command += ["--ro-bind", f"{image}/{entry}", f"/{entry}"]
        for entry in ("bin", "lib", "lib64"):
            if os.path.islink(f"{image}/{entry}"):
                command += ["--symlink", f"usr/{entry}", f"/{entry}"]
        program = "/usr/bin/reeve"
        if not self.options.image_root:
            program = "/build/reeve"
            command += ["--ro-bind", os.path.dirname(REEVE), "/build"]
        for here, there, writable in self.mounts:
            command += ["--bind" if writable else "--ro-bind", here, there]
        return command + ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/", "--", program]

    def ask(self, path, token=None):
        """(status, body); (0, "") if nobody answers."""
        try:
            server = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            server.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            answer = server.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def state(self):
        status, body = self.ask("/api/v1/state", self.options.token)
        return json.loads(body) if status == 200 else {}

    def figure(self, name):
        """Of /metrics; without labels."""
        for line in self.ask("/metrics", self.options.token)[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return 0

    def wait_until_ready(self):
        def probe():
            if self.process.poll() is not None:
                sys.exit(f"reeve: {self.name} ended with {self.process.returncode}: {self.logged()[-2000:]}")
            probes = [self.container[kind]["httpGet"]["path"] for kind in ("readinessProbe", "livenessProbe")]
            return all(self.ask(path)[0] == 200 for path in probes)
        wait_until(probe, 60, f"{self.name} ready")
        return wait_until(lambda: len(self.state().get("functions", [])) == FUNCTIONS and self.state(), 60,
                          f"{self.name} sees the functions")

    def logged(self):
        return open(f"{self.folder}.log").read()

    def end(self):
        """As a kubelet ends it; returns its exit code."""
        os.kill(self.inner(), signal.SIGTERM)
        return self.process.wait(timeout=self.template["terminationGracePeriodSeconds"])

    def kill(self):
        self.process.kill()  # and with it, as its parent dies, everything inside
        self.process.wait()

    def inner(self):
        """The program's process id: bubblewrap's own first process is between."""
        of = self.process.pid
        while True:
            children = open(f"/proc/{of}/task/{of}/children").read().split()
            if not children:
                return of
            of = int(children[0])


def start_fleet(cluster, options):
    log = open(f"{options.folder}/fleet.log", "ab")
    process = subprocess.Popen(
        [REEVE, "fleet", "--config", "configs/fleet/sim_to_live.yaml", "--quiet", "--out",
         f"{options.folder}/fleet", "--set", f"kubeconfig={cluster.kube}/admin.kubeconfig",
         "--set", f"namespace={NAMESPACE}", "--set", "length=1h", "--set", "begin_after=3s",
         "--set", "listen=127.0.0.1:0"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    wait_until(lambda: "pods answer" in open(f"{options.folder}/fleet.log").read()
               or process.poll() is not None, 120, "the fleet's pods")
    check(process.poll() is None, f"{FUNCTIONS} functions are there, served by simulated pods")
    return process


def shadow(cluster, options):
    print("1. shadow", flush=True)
    cluster.apply("base")
    cluster.kubectl("-n", "reeve", "create", "secret", "generic", "reeve-token",
                    f"--from-literal=token={options.token}")
    before = cluster.annotations()
    first = Pod(cluster, "reeve-a", options)
    first.wait_until_ready()
    wait_until(lambda: "reeve-a" in cluster.leader(), 30, "the first leads")
    wait_until(lambda: first.state()["ticks"] >= 5, 90, "five ticks")
    check(True, f"ready; it holds the Lease as {cluster.leader()}")
    check(first.ask("/metrics")[0] == 401 and first.ask("/metrics", options.token)[0] == 200,
          "figures are for those who have the token")
    wait_until(lambda: all(function["wished"] for function in first.state()["functions"]), 60,
               "a decision for each function")
    check(True, "it decides for each function")
    check(cluster.annotations() == before, "and nothing is written")
    check(not cluster.may("patch", "revisions.serving.knative.dev", "-A")
          and not cluster.may("get", "secrets", "-A") and not cluster.may("create", "pods", "-A"),
          "its account could not: no patch of revisions, no secrets, no pods")
    check("Forbidden" not in first.logged(), "and it misses no right for what it does")
    second = Pod(cluster, "reeve-b", options, port=options.second_port)
    second.wait_until_ready()
    check("reeve-a" in cluster.leader(), "a second instance is ready and does not lead")
    first.kill()
    begin = time.monotonic()
    wait_until(lambda: "reeve-b" in cluster.leader(), 40, "the second leads")
    check(True, f"the first killed, the second leads after {time.monotonic() - begin:.0f} s (lease.duration: 15)")
    check(second.end() == 0, "ended in order, with exit code 0")


def act(cluster, options):
    print("2. act", flush=True)
    before, objects = cluster.annotations(), cluster.objects()
    cluster.apply("annotate")
    pod = Pod(cluster, "reeve-c", options)
    pod.wait_until_ready()
    check(cluster.may("patch", "revisions.serving.knative.dev", "-A")
          and not cluster.may("update", "revisions.serving.knative.dev", "-A")
          and not cluster.may("patch", "deployments.apps/scale", "-A"), "its account may set annotations only")

    wait_until(cluster.all_attached, 60, "each function's scale set by an annotation")
    check(True, "each function's scale is set by an annotation")
    check("Forbidden" not in pod.logged(), "it misses no right for what it does")
    objects = cluster.note_updates("annotated", objects)
    print("3. roll back, after a kill that nobody handed back after", flush=True)
    pod.kill()
    check(cluster.all_attached(), "killed, it leaves what was set")
    pod = Pod(cluster, "reeve-c2", options)
    pod.wait_until_ready()
    wait_until(lambda: pod.state()["leading"] and all(function["ours"] for function in pod.state()["functions"]), 60,
               "the next pod acts on the functions")
    check(True, "the next pod, which remembers nothing, has taken the functions over")
    cluster.kubectl("-n", "reeve", "scale", "deploy/reeve", "--replicas=0")
    check(pod.end() == 0, "ended in order, with exit code 0")
    check(cluster.annotations() == before, "each annotation is as it was before")
    cluster.note_updates("handed back", objects)
    cluster.kubectl("delete", "clusterrolebinding", "reeve-annotator")
    cluster.apply("base")
    check(not cluster.may("patch", "revisions.serving.knative.dev", "-A"), "the right is gone")


def own_class(cluster, options):
    print("4. an autoscaler class of its own", flush=True)
    before = cluster.annotations()
    cluster.apply("own-class")
    pod = Pod(cluster, "reeve-d", options)
    pod.wait_until_ready()

    def scaled():
        functions = pod.state().get("functions", [])
        return len(functions) == FUNCTIONS and all(
            function["ours"] and function["actuation"] == "done" for function in functions)
    wait_until(scaled, 120, "each Deployment has the count that was decided")
    check(True, "each Deployment has the count that was decided")
    check(all(found.get("autoscaling.knative.dev/class") not in (None, "kpa.autoscaling.knative.dev")
              for name, found in cluster.annotations().items() if name.startswith("PodAutoscaler/")),
          "each PodAutoscaler is of its class")
    check("Forbidden" not in pod.logged(), "it misses no right for what it does")
    check(pod.end() == 0, "ended in order, with exit code 0")
    check(cluster.annotations() == before, "each annotation is as it was before")


def learning(cluster, options):
    print("5. learning on the way", flush=True)
    before = cluster.annotations()
    cluster.apply("learning")
    # So that it does not take an hour here.
    sooner = ["adapt.learner.online.stretch=5"] if options.period else []
    pod = Pod(cluster, "reeve-e", options, also=sooner)
    pod.wait_until_ready()
    wait_until(lambda: pod.figure("reeve_expert_updates_total") > 0 and cluster.all_attached(), 1200,
               "an expert has learned, and decisions are carried out")
    used = pod.figure("process_resident_memory_bytes") / 2**20
    most = pod.container["resources"]["limits"]["memory"]
    check(most == "1Gi" and used < 700, f"an expert has learned, in {used:.0f} MiB (limit: {most}); annotations are set")
    check(pod.end() == 0, "ended in order, with exit code 0")
    check(cluster.annotations() == before, "each annotation is as it was before")
    experts, environments = f"{options.folder}/claim-reeve/reeve.db", r"^\s*\d+ "
    listed = subprocess.run([REEVE, "experts", "list", experts], capture_output=True, text=True, check=True).stdout
    check(re.search(environments, listed, re.MULTILINE), "its experts are on the volume")
    again = Pod(cluster, "reeve-f", options, also=sooner)
    again.wait_until_ready()
    wait_until(lambda: again.figure("reeve_experts") > 0, 60, "the next pod has the experts")
    check(again.figure("reeve_expert_updates_total") == 0, "the next pod begins with them")
    check(again.end() == 0, "ended in order, with exit code 0")
    cluster.apply("base")
    deployment = cluster.get("deployment", "reeve", "-n", "reeve")["spec"]
    volumes = {volume["name"]: volume for volume in deployment["template"]["spec"]["volumes"]}
    check(deployment["replicas"] == 2 and "emptyDir" in volumes["data"] and
          "persistentVolumeClaim" not in volumes["data"], "the base again: two instances, no volume")


def keda(cluster):
    print("6. as KEDA's scaler", flush=True)
    cluster.kubectl("apply", "-k", "deploy/keda", "--dry-run=server")
    check(True, "deploy/keda: the server would take each object")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kube", required=True, help="folder of a server that scripts/kube-server started")
    parser.add_argument("--folder", required=True, help="for logs and volumes")
    parser.add_argument("--image-root", default="", help="the image's files; default: this machine's, and the build's program")
    parser.add_argument("--period", default="", help="in place of the manifests' loop.period")
    parser.add_argument("--second-port", type=int, default=19464)
    options = parser.parse_args()
    options.token = os.urandom(16).hex()
    os.makedirs(options.folder, exist_ok=True)
    cluster = Cluster(options.kube, options.folder)
    fleet = start_fleet(cluster, options)
    try:
        shadow(cluster, options)
        act(cluster, options)
        own_class(cluster, options)
        learning(cluster, options)
        keda(cluster)
    finally:
        fleet.send_signal(signal.SIGINT)
        fleet.wait(timeout=30)
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
