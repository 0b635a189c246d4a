# make figures: everything, from the data to results/figs/.   make test: the tests.   Both set up .venv if it is not there.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: figures smoke lenet test fuzz test-engines test-slurm test-paper test-experiments lint pins

figures: $(BIN)/.ready
	snakemake --cores all results/figs/all

# the whole workflow on a tiny network: about a minute
smoke: $(BIN)/.ready
	snakemake --cores all results/figs/smoke/all

# LeNet-5 on MNIST: its largest singular triplets, a count of what hardly changes, two perturbed starts
lenet: $(BIN)/.ready
	snakemake --cores all results/figs/lenet/all

test: $(BIN)/.tests
	python -m pytest -m "not paper and not experiments and not slurm and not engines"

# other examples than those of `make test`, and a hundred times as many: hours
fuzz: $(BIN)/.tests
	HYPOTHESIS_PROFILE=long python -m pytest tests/test_fuzz_*.py

# the real digits run, from nothing, in a temporary folder: minutes
test-paper: $(BIN)/.tests
	python -m pytest -m paper

# all analyses computed; DVC and Snakemake in every order; the worked examples; kills, damage, a full disk: 20 to 30 minutes
test-engines: $(BIN)/.tests
	python -m pytest -n 4 --dist worksteal -rs -m engines  # they also wait

# the smoke preset through profiles/slurm, on two nodes of a real Slurm on this machine: minutes; tests/slurm/install.sh gets it
test-slurm: $(BIN)/.tests
	python -m pytest -n 0 -rs -m slurm

# the numbers of all experiments, in results/: half an hour, or seconds after `make figures`
test-experiments: $(BIN)/.tests
	python -m pytest -n 0 -m experiments

$(BIN)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	pip install --quiet --requirement requirements.txt
	pip install --quiet --no-deps --editable .
	python -m compileall -q -j 0 .venv/lib  # where PYTHONDONTWRITEBYTECODE is set, pip does not, and every job starts 2 s later
	@touch $@

# what users do not need; Snakemake imports what plugins it finds, half a second each time, so that for Slurm lies apart
$(BIN)/.tests: tests/requirements.txt tests/slurm/requirements.txt $(BIN)/.ready
	pip install --quiet --requirement tests/requirements.txt
	pip install --quiet --no-deps --upgrade --target .venv/slurm --requirement tests/slurm/requirements.txt
	python -m compileall -q -j 0 .venv/lib
	@touch $@

lint: $(BIN)/.tests
	ruff check
	ruff format --check
	snakefmt --check Snakefile workflow
	snakemake --lint
	mypy

# after a change of the dependencies in pyproject.toml (needs uv)
PIN = uv pip compile --quiet --universal --fork-strategy fewest --no-header --no-annotate --python-version 3.11 pyproject.toml
pins:
	$(PIN) --extra dev --output-file tests/requirements.txt
	$(PIN) --constraint tests/requirements.txt --output-file requirements.txt
	$(PIN) --constraint tests/requirements.txt --extra slurm | grep plugin-slurm > tests/slurm/requirements.txt
