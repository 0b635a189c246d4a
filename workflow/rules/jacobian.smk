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
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("columns"),
        runtime=minutes("columns"),
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
    priority: 1
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("jacobian"),
        runtime=minutes("jacobian"),
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
    priority: 1
    conda:
        ENVIRONMENT
    threads: quarter
    resources:
        mem_mb=memory("svd"),
        runtime=minutes("svd"),
    params:
        recipe=recipe_file,
    shell:
        "python -m training_jacobian svd --recipe {params.recipe} --jacobian {input} --out {output} --log {log} "
        "--threads {threads}"


rule identity:
    input:
        upstream("jacobian"),
    output:
        expand("results/identity/{{key}}/{file}", file=plan.FILES["identity"]),
    log:
        "results/logs/identity/{key}.log",
    conda:
        ENVIRONMENT
    threads: quarter
    resources:
        mem_mb=memory("identity"),
        runtime=minutes("identity"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        "python -m training_jacobian identity --recipe {params.recipe} --jacobian {input} --out {params.folder} "
        "--log {log} --threads {threads}"


rule triplets:
    input:
        data=upstream("data"),
        train=upstream("train"),
    output:
        expand("results/triplets/{{key}}/{file}", file=plan.FILES["triplets"]),
    log:
        "results/logs/triplets/{key}.log",
    conda:
        ENVIRONMENT
    threads: every
    resources:
        mem_mb=memory("triplets"),
        runtime=minutes("triplets"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        "python -m training_jacobian triplets --recipe {params.recipe} --data {input.data} --train {input.train} "
        "--out {params.folder} --log {log} --threads {threads}"


rule density:
    input:
        data=upstream("data"),
        train=upstream("train"),
        triplets=lambda wildcards: ancient(PLAN.files(PLAN.runs_of[wildcards.key][0], "triplets")[:1]),
    output:
        expand("results/density/{{key}}/{file}", file=plan.FILES["density"]),
    log:
        "results/logs/density/{key}.log",
    conda:
        ENVIRONMENT
    threads: every
    resources:
        mem_mb=memory("density"),
        runtime=minutes("density"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        "python -m training_jacobian density --recipe {params.recipe} --data {input.data} --train {input.train} "
        "--triplets {input.triplets} --out {params.folder} --log {log} --threads {threads}"


rule responses:
    input:
        data=upstream("data"),
        train=upstream("train"),
        triplets=lambda wildcards: ancient(PLAN.files(PLAN.runs_of[wildcards.key][0], "triplets")[:1]),
        bulk=lambda wildcards: ancient(PLAN.files(PLAN.runs_of[wildcards.key][0], "density")[:1]),
    output:
        expand("results/responses/{{key}}/{file}", file=plan.FILES["responses"]),
    log:
        "results/logs/responses/{key}.log",
    conda:
        ENVIRONMENT
    threads: every
    resources:
        mem_mb=memory("responses"),
        runtime=minutes("responses"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        "python -m training_jacobian responses --recipe {params.recipe} --data {input.data} --train {input.train} "
        "--triplets {input.triplets} --bulk {input.bulk} --out {params.folder} --log {log} --threads {threads}"
