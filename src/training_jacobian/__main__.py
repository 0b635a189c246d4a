from training_jacobian.cli import main

raise SystemExit(main())
