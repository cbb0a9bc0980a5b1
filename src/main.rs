//! The `groupkeeper` command.

fn main() -> std::process::ExitCode {
    groupkeeper::cli::main()
}
