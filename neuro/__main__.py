from neuro.cli import main

main()
