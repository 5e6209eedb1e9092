"""Options that stand between a program and its subcommand, so that a rule on `git push` holds for `git -C . push`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GlobalOptions:
    """Options before the subcommand: `values` take the next word (or `=value`), `flags` stand alone."""

    values: frozenset[str]
    flags: frozenset[str]


def _options(values: str, flags: str) -> GlobalOptions:
    return GlobalOptions(frozenset(values.split()), frozenset(flags.split()))


_NODE = _options(
    "--prefix -C --registry --userconfig --globalconfig --cache --loglevel -w --workspace --tag --otp --access --node-options"
    " --script-shell --dir --filter -F --cwd --config --use-yarnrc --modules-folder --mutex --network-timeout --proxy",
    "--silent -s -q --quiet -d -dd -ddd --verbose -g --global --location --no-audit --no-fund --force -f --yes -y --json"
    " --offline --prefer-offline --ignore-scripts --no-progress --workspaces --ws -r --recursive --legacy-peer-deps"
    " --include-workspace-root -iwr --parseable --long -W --ignore-workspace-root-check --aggregate-output --stream",
)
_KUBE = _options(
    "-n --namespace --context --cluster --user --kubeconfig -s --server --token --as --as-group --as-uid --cache-dir -v --v"
    " --certificate-authority --client-certificate --client-key --request-timeout --tls-server-name --username --password"
    " --profile --profile-output --log-flush-frequency --kube-context --kube-apiserver --kube-token --registry-config"
    " --repository-cache --repository-config --burst-limit --qps",
    "--insecure-skip-tls-verify --match-server-version --warnings-as-errors --disable-compression --debug --kube-insecure-skip-tls-verify",
)
_DOCKER = _options(
    "-c --context --config -H --host -l --log-level --tlscacert --tlscert --tlskey --connection --url --identity --root"
    " --runroot --storage-driver --storage-opt --namespace --address --cgroup-manager --ssh --log-opt",
    "-D --debug --tls --tlsverify --remote -r --noout",
)
_COMPOSE = _options(
    "-f --file -p --project-name --profile --env-file --project-directory --ansi --parallel --progress -c --context -H --host --workdir",
    "--compatibility --dry-run --all-resources --verbose --no-ansi --skip-hostname-check --tls --tlsverify",
)
_TERRAFORM = _options("-chdir --chdir", "-help -version --help --version")
_PIP = _options(
    "--proxy --timeout --cache-dir --log --log-file --python --index-url -i --extra-index-url --retries --exists-action"
    " --trusted-host --cert --client-cert --keyring-provider --use-feature --use-deprecated",
    "-v -vv -vvv -q -qq -qqq --quiet --verbose --isolated --require-virtualenv --no-input --disable-pip-version-check --no-color"
    " --no-cache-dir --no-python-version-warning --debug",
)
PROGRAMS: dict[str, GlobalOptions] = {
    "git": _options(
        "-C -c --git-dir --work-tree --namespace --config-env --super-prefix --attr-source --list-cmds --exec-path",
        "-p --paginate -P --no-pager --no-replace-objects --bare --literal-pathspecs --glob-pathspecs --noglob-pathspecs"
        " --icase-pathspecs --no-optional-locks --no-lazy-fetch --no-advice --html-path --man-path --info-path",
    ),
    "npm": _NODE, "pnpm": _NODE, "yarn": _NODE, "bun": _NODE, "kubectl": _KUBE, "oc": _KUBE, "helm": _KUBE, "k3s": _KUBE,
    "docker": _DOCKER, "podman": _DOCKER, "nerdctl": _DOCKER, "docker-compose": _COMPOSE, "podman-compose": _COMPOSE,
    "terraform": _TERRAFORM, "tofu": _TERRAFORM, "terragrunt": _TERRAFORM, "pip": _PIP, "pip3": _PIP,
    "cargo": _options(
        "--config -Z -C --color --manifest-path --target-dir", "-v -vv --verbose -q --quiet --frozen --locked --offline"
    ),
    "go": _options("-C", ""), "rustup": _options("", "-v --verbose -q --quiet"),
    "uv": _options(
        "--directory --project --config-file --cache-dir --color --python -p",
        "-q --quiet -v --verbose --offline --no-cache -n --no-config --no-progress --native-tls --isolated",
    ),
    "poetry": _options("-C --directory -P --project", "-q --quiet -v -vv -vvv -n --no-interaction --ansi --no-ansi --no-plugins --no-cache"),
    "gh": _options("-R --repo --hostname", ""), "glab": _options("-R --repo", ""),
    "aws": _options(
        "--profile --region --output --endpoint-url --query --ca-bundle --cli-read-timeout --cli-connect-timeout --color --cli-binary-format",
        "--debug --no-verify-ssl --no-paginate --no-sign-request --no-cli-pager --cli-auto-prompt --no-cli-auto-prompt",
    ),
    "gcloud": _options(
        "--project --account --configuration --format --verbosity --impersonate-service-account --billing-project --flags-file --region --zone",
        "--quiet -q --log-http --user-output-enabled",
    ),
    "az": _options("--subscription --output -o --query", "--verbose --debug --only-show-errors"),
    "systemctl": _options(
        "-H --host -M --machine -t --type --root -n --lines -o --output -p --property -s --signal --state",
        "--user --system --no-pager --now -q --quiet -f --force --no-block --no-ask-password -a --all -l --full",
    ),
    "apt": _options("-o -c -t --option --config-file --target-release", "-y --yes -q -qq --quiet --assume-yes --no-install-recommends"),
    "make": _options("-C -f -j -o -W -I --directory --file --jobs --makefile", "-s -k -n -B -i -e -w --silent --quiet --keep-going --always-make"),
    "mvn": _options("-f --file -s --settings -P -pl --projects -T --threads", "-q --quiet -o --offline -B --batch-mode -U -X -e -ntp -am"),
    "gradle": _options("-p --project-dir -b -c -I --init-script -g --console", "-q --quiet --offline --no-daemon -i --info -s --stacktrace -d --debug"),
    "svn": _options("--username --password --config-dir --config-option", "--non-interactive --no-auth-cache --trust-server-cert"),
    "hg": _options("-R --repository --cwd --config --encoding --color --pager", "-q --quiet -v --verbose -y --noninteractive --debug"),
    "heroku": _options("-a --app -r --remote", ""), "fly": _options("-a --app -c --config -t --access-token", "--verbose"),
    "firebase": _options("-P --project --token -c --config", "--debug --json --non-interactive"),
    "vercel": _options("--cwd -t --token -S --scope -A --local-config -Q --global-config", "-d --debug --yes -y"),
}  # fmt: skip
PROGRAMS |= {"apt-get": PROGRAMS["apt"], "gmake": PROGRAMS["make"], "flyctl": PROGRAMS["fly"], "./gradlew": PROGRAMS["gradle"], "gradlew": PROGRAMS["gradle"], "mvnw": PROGRAMS["mvn"]}  # fmt: skip
_NESTED = {("docker", "compose"): _COMPOSE, ("podman", "compose"): _COMPOSE}
MAX_FORMS = 16


def without_global_options(argv: list[str]) -> tuple[list[list[str]], str | None]:
    """The command with its subcommand right behind the program: every form it may have, and the first unknown option.

    An unknown option may take a value or not, so there is one form for each. A program that is not on the table has the
    form it came in.
    """
    options = PROGRAMS.get(argv[0])
    if options is None or len(argv) < 2:
        return [argv], None
    forms, unknown = _stripped(argv[:1], argv[1:], options)
    nested: list[list[str]] = []
    for form in forms:
        inner = _NESTED.get((form[0], form[1])) if len(form) > 2 else None
        if inner is None:
            nested.append(form)
            continue
        found, more = _stripped(form[:2], form[2:], inner)
        nested += found
        unknown = unknown or more
    return nested[:MAX_FORMS], unknown


def _stripped(head: list[str], rest: list[str], options: GlobalOptions) -> tuple[list[list[str]], str | None]:
    forms: list[list[str]] = []
    unknown: str | None = None
    todo, seen = [0], set[int]()
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        word = rest[at] if at < len(rest) else ""
        if at >= len(rest) or not word.startswith(("-", "+")) or word == "--":
            forms.append(head + rest[at + (word == "--") :])
        elif word in options.values and "=" not in word:
            todo.append(at + 2)
        elif word in options.flags or word.startswith("+") or _carries_value(word, options):
            todo.append(at + 1)
        else:
            unknown = unknown or word
            todo += [at + 2, at + 1]
    return forms, unknown


def _carries_value(word: str, options: GlobalOptions) -> bool:
    """`--namespace=prod`, `-nprod`, `-Dkey=value`."""
    name = word.partition("=")[0]
    if "=" in word and (name in options.values or name in options.flags):
        return True
    return (
        not word.startswith("--")
        and (word[:2] in options.values or word[:2] in ("-D", "-P"))
        and len(word) > 2
    )
