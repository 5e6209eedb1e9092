# The few commands people need.
.PHONY: demo generate pins test quick coverage lint bench figures bench-all mutants clean

demo:     ## the main job end to end
	bash scripts/demo
test:     ## everything, real editors included
	bash scripts/test
quick:    ## everything but the editors
	bash scripts/test -m "not editor"
coverage: ## what the tests reach, without the editors
	bash scripts/test -m "not editor" --cov=mazu_ls --cov-report=term:skip-covered
lint:     ## style, types, layers
	bash scripts/setup dev
	.venv/bin/ruff format . && .venv/bin/ruff check --fix . && .venv/bin/pyright && .venv/bin/lint-imports
generate: ## write what follows from a declaration: settings in docs/protocol.md and the VS Code extension
	.venv/bin/python scripts/generate
pins:     ## write the exact versions of .venv into scripts/pins.txt, after an upgrade
	(head -2 scripts/pins.txt; .venv/bin/python -m pip freeze --exclude-editable) > scripts/pins.new && mv scripts/pins.new scripts/pins.txt
bench:    ## the figures that have a goal, in one table, with a baseline of the same run
	bash scripts/setup dev
	.venv/bin/python benchmarks/figures.py
figures:  ## the same, written to docs/figures.md
	bash scripts/setup dev
	.venv/bin/python benchmarks/figures.py --write docs/figures.md
bench-all: ## every benchmark (hours)
	bash scripts/setup dev
	for script in $$(grep -l __main__ benchmarks/*.py); do echo "== $$script"; .venv/bin/python $$script; done
mutants:  ## mutation score of all safety code, by package (a sample; about half an hour)
	bash scripts/setup dev
	nice .venv/bin/python benchmarks/policy_mutants.py --share 0.2 --list
	nice .venv/bin/python benchmarks/mutants.py
clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
