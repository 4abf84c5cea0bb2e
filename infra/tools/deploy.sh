#!/usr/bin/env bash
# Builds for Lambda and deploys one installation to the AWS account of the current credentials. infra/DEPLOY.md explains.
#
#   infra/tools/deploy.sh dev|staging|production [options for sam deploy]
#
# Parameters are read from deploy.<stage>.yaml at the root of the repository, which git ignores: it holds secrets.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
stage=${1:-${STAGE:-}} # make deploy STAGE=… arrives as a variable
[[ $# -eq 0 ]] || shift
case "$stage" in
  dev | staging | production) ;;
  *) echo "usage: deploy.sh dev|staging|production [options for sam deploy], or make deploy STAGE=dev|staging|production" >&2 && exit 2 ;;
esac

cd "$root"
parameters="deploy.$stage.yaml"
if [[ ! -f $parameters ]]; then
  cat >&2 <<MESSAGE
deploy: $parameters does not exist. Write it, for example:

  # The address in the output ApiUrl after the first deployment, or a domain of yours that leads to it.
  PublicBaseUrl: https://not-known-yet.invalid
  MailFrom: calls@example.com
  # AlarmEmail: you@example.com
  # Architecture: x86_64

infra/DEPLOY.md says what each parameter means.
MESSAGE
  exit 2
fi
architecture=$(sed -nE 's/^Architecture:[[:space:]]*"?([a-z0-9_]+)"?[[:space:]]*$/\1/p' "$parameters")

infra/tools/setup.sh venv build
infra/tools/lambda-build.sh "${architecture:-arm64}"
infra/tools/sam.sh deploy --config-env "$stage" "$@"
region=$(sed -nE 's/.*--region[ =]([a-z0-9-]+).*/\1/p' <<<"$*")
.tools/venv/bin/python infra/tools/number-script.py "callcenter-$stage" ${region:+"$region"}

if grep -q 'not-known-yet\.invalid' "$parameters"; then
  echo "deploy: now put the address shown as ApiUrl into $parameters as PublicBaseUrl and deploy again: Twilio's signatures are checked against it."
fi
