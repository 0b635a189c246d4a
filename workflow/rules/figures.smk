SHAPES = (
    {  # of figures and tables: the command that makes them; of their files the one for `snakemake --report`, others
        "figure": ("figure", ".png", [".csv", ".pdf"]),
        "scatter": ("scatter", ".png", [".csv", ".pdf"]),
        "table": ("figure", ".csv", []),
        "runs": ("table", ".csv", [".json"]),
        "summary": ("summary", ".csv", []),
        "report": ("report", ".html", []),
    }
)
KEYS = {shape: sorted({key for each in PLANS.all for key in each.keys(shape)}) for shape in SHAPES}


def category(wildcards):
    """Where `snakemake --report` lists a figure or table."""
    return page.heading(PLANS.of(wildcards.key).params, wildcards.name)


def caption(wildcards):
    """What it says of it."""
    return page.caption(PLANS.of(wildcards.key).params, wildcards.name)


for shape, (command, shown, others) in SHAPES.items():

    rule:
        name:
            shape
        input:
            lambda wildcards: ancient(PLANS.of(wildcards.key).shown_files(wildcards.key)),
        output:
            report(
                under("figures", f"{{key}}/{{name}}{shown}"),
                caption="../report/caption.rst",
                category=category,
                labels={"name": "{name}"},
            ),
            expand(under("figures", "{{key}}/{{name}}{suffix}"), suffix=others),
        log:
            "results/logs/figures/{key}-{name}.log",
        wildcard_constraints:
            key="|".join(KEYS[shape]) or "(?!)",
            name="[a-z][a-z0-9_]*",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            stage=command,
            recipe=recipe_file,
            out=lambda wildcards, output: output,
            more="",
            caption=caption,
        shell:
            JOB


# The only outputs without a key: STAMPS, made in the Snakefile, say whether they are out of date.
for each in PLANS.all:

    rule:
        name:
            f"publish_{each.study}" if each.study else "publish"
        input:
            ancient(list(each.wanted()["figures"].values())),
            stamp=ancient(STAMPS[each.study][0]) if STAMPS[each.study][1] else STAMPS[each.study][0],
        output:
            publish.manifest(each.study),
            list(each.wanted()["figures"]),
        log:
            f"results/logs/{f'publish-{each.study}' if each.study else 'publish'}.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            wanted=canonical(each.wanted()),
        shell:
            f"{START}publish --wanted {{params.wanted:q}} --log {{log}}"
