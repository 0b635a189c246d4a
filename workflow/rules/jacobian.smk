rule columns:
    input:
        data=upstream("data"),
        train=upstream("train"),
    output:
        temp("results/jacobian/{key}/columns-{first}-{last}.h5"),
    log:
        "results/logs/jacobian/{key}-{first}-{last}.log",
    wildcard_constraints:
        first=r"\d+",
        last=r"\d+",
    conda:
        "../../envs/training-jacobian.yaml"
    threads: 1
    resources:
        mem_mb=1200,
        runtime=60,
    params:
        recipe=recipe_file,
    shell:
        "python -m training_jacobian columns --recipe {params.recipe} --data {input.data} --train {input.train} "
        "--range {wildcards.first} {wildcards.last} --out {output} --log {log} --threads {threads}"


rule jacobian:
    input:
        lambda wildcards: ancient(PLAN.blocks(wildcards.key)),
    output:
        "results/jacobian/{key}/jacobian.h5",
    log:
        "results/logs/jacobian/{key}.log",
    conda:
        "../../envs/training-jacobian.yaml"
    params:
        recipe=recipe_file,
    shell:
        "python -m training_jacobian jacobian --recipe {params.recipe} --blocks {input} --out {output} --log {log}"


rule svd:
    input:
        upstream("jacobian"),
    output:
        "results/svd/{key}/svd.h5",
    log:
        "results/logs/svd/{key}.log",
    conda:
        "../../envs/training-jacobian.yaml"
    threads: 8
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        recipe=recipe_file,
    shell:
        "python -m training_jacobian svd --recipe {params.recipe} --jacobian {input} --out {output} --log {log} "
        "--threads {threads}"
