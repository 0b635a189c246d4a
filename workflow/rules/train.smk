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
        "python -m training_jacobian raw {wildcards.set} {wildcards.file} --log {log}"


rule data:
    input:
        lambda wildcards: ancient(PLAN.raw_files(wildcards.key)),
    output:
        "results/data/{key}/data.h5",
    log:
        "results/logs/data/{key}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        recipe=recipe_file,
    shell:
        "python -m training_jacobian data --recipe {params.recipe} --raw {input} --out {output} --log {log}"


rule train:
    input:
        data=upstream("data"),
        theta=lambda wildcards: ancient(PLAN.theta_file(wildcards.key)),
    output:
        "results/train/{key}/train.h5",
    log:
        "results/logs/train/{key}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("train"),
        runtime=minutes("train"),
    params:
        recipe=recipe_file,
        theta=lambda wildcards, input: f"--theta {shlex.quote(str(input.theta))}" if input.get("theta") else "",
    shell:
        "python -m training_jacobian train --recipe {params.recipe} --data {input.data} {params.theta} "
        "--out {output} --log {log}"
