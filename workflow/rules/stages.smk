rule raw:
    output:
        "data/raw/{set}/{file}",
    log:
        "results/logs/raw/{set}-{file}.log",
    wildcard_constraints:
        set="[a-z0-9_]+",
        file="[^/]+",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        f"{START}raw {{wildcards.set}} {{wildcards.file}} --log {{log}}"


rule data:
    input:
        lambda wildcards: ancient(PLANS.of(wildcards.key).raw_files(wildcards.key)),
    output:
        under("data", "{key}/data.h5"),
    log:
        "results/logs/data/{key}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        stage="data",
        recipe=recipe_file,
        out=lambda wildcards, output: output,
        more=lambda wildcards, input: f"--raw {shlex.join(input)}" if input else "",
    shell:
        JOB


rule train:
    input:
        upstream("train"),
        theta=lambda wildcards: ancient(PLANS.of(wildcards.key).theta_file(wildcards.key)),
    output:
        under("train", "{key}/train.h5"),
    log:
        "results/logs/train/{key}.log",
    priority: urgency(0)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("train"),
        runtime=minutes("train"),
    params:
        stage="train",
        recipe=recipe_file,
        out=lambda wildcards, output: output,
        more=lambda wildcards, input: (
            f"--jax --theta {shlex.quote(str(input.theta))}" if input.get("theta") else "--jax"
        ),
    shell:
        JOB


rule columns:
    input:
        upstream("jacobian"),
    output:
        temp(under("jacobian", "{key}/columns-{first}-{last}.h5")),
    log:
        "results/logs/jacobian/{key}-{first}-{last}.log",
    wildcard_constraints:
        first=r"\d+",
        last=r"\d+",
    priority: urgency(1)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("columns"),
        runtime=minutes("columns"),
    params:
        stage="columns",
        recipe=recipe_file,
        out=lambda wildcards, output: output,
        more=lambda wildcards: f"--jax --range {wildcards.first} {wildcards.last}",
    shell:
        JOB


rule jacobian:
    input:
        lambda wildcards: ancient(PLANS.of(wildcards.key).blocks(wildcards.key)),
    output:
        under("jacobian", "{key}/jacobian.h5"),
    log:
        "results/logs/jacobian/{key}.log",
    priority: urgency(1)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("jacobian"),
        runtime=minutes("jacobian"),
    params:
        stage="jacobian",
        recipe=recipe_file,
        out=lambda wildcards, output: output,
        more=lambda wildcards, input: f"--blocks {input}",
    shell:
        JOB


rule svd:
    input:
        upstream("svd"),
    output:
        under("svd", "{key}/svd.h5"),
    log:
        "results/logs/svd/{key}.log",
    priority: urgency(1)
    conda:
        ENVIRONMENT
    threads: threads("svd")
    resources:
        mem_mb=memory("svd"),
        runtime=minutes("svd"),
    params:
        stage="svd",
        recipe=recipe_file,
        out=lambda wildcards, output: output,
        more="",
    shell:
        JOB
