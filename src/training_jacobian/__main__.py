try:  # an interrupt may come while modules are imported
    from training_jacobian.cli import main

    status = main()
except KeyboardInterrupt:
    status = 130
raise SystemExit(status)
