rule spectrum:
    input:
        data=upstream("data"),
        train=upstream("train"),
        svd=upstream("svd"),
    output:
        expand("results/spectrum/{{key}}/{file}", file=plan.FILES["spectrum"]),
    log:
        "results/logs/spectrum/{key}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("spectrum"),
        runtime=minutes("spectrum"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        analysis("spectrum")


rule perturbation:
    input:
        data=upstream("data"),
        train=upstream("train"),
        svd=upstream("svd"),
    output:
        expand("results/perturbation/{{key}}/{file}", file=plan.FILES["perturbation"]),
    log:
        "results/logs/perturbation/{key}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("perturbation"),
        runtime=minutes("perturbation"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        analysis("perturbation")


rule behaviour:
    input:
        data=upstream("data"),
        train=upstream("train"),
        svd=upstream("svd"),
    output:
        expand("results/behaviour/{{key}}/{file}", file=plan.FILES["behaviour"]),
    log:
        "results/logs/behaviour/{key}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("behaviour"),
        runtime=minutes("behaviour"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        analysis("behaviour")


rule subspace:
    input:
        data=upstream("data"),
        train=upstream("train"),
        svd=upstream("svd"),
    output:
        expand("results/subspace/{{key}}/{file}", file=plan.FILES["subspace"]),
    log:
        "results/logs/subspace/{key}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("subspace"),
        runtime=minutes("subspace"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        analysis("subspace")


rule pfj:
    input:
        data=upstream("data"),
        train=upstream("train"),
        svd=upstream("svd"),
    output:
        expand("results/pfj/{{key}}/{file}", file=plan.FILES["pfj"]),
    log:
        "results/logs/pfj/{key}.log",
    conda:
        ENVIRONMENT
    threads: quarter
    resources:
        mem_mb=memory("pfj"),
        runtime=minutes("pfj"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        analysis("pfj")


rule angles:
    input:
        data=lambda wildcards: ancient(PLAN.compared(wildcards.key, "data")),
        svd=lambda wildcards: ancient(PLAN.compared(wildcards.key, "svd")),
    output:
        expand("results/angles/{{key}}/{file}", file=plan.FILES["angles"]),
    log:
        "results/logs/angles/{key}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=memory("angles"),
        runtime=minutes("angles"),
    params:
        recipe=recipe_file,
        folder=folder,
    shell:
        "python -m training_jacobian angles --recipe {params.recipe} --data {input.data} --svd {input.svd} "
        "--out {params.folder} --log {log} --threads {threads}"
