package Gatehouse::WafTool;

# Runs gatehouse-waf in a directory of its own.

use v5.36;
use Cwd 'abs_path';
use Exporter 'import';
use File::Basename qw(dirname);
use File::Path 'make_path';
use File::Temp ();
use IPC::Open3 'open3';

our @EXPORT_OK = qw(available in_files spew tool tool_errors);

# Beside the modules that are tested: out/bin for out/modules.
my $root    = abs_path(dirname(__FILE__) . '/../../..');
my $modules = $ENV{TEST_NGINX_GATEHOUSE_MODULES} // "$root/out/modules";
my $program = ($modules =~ s{/modules([^/]*)$}{/bin$1}r) . '/gatehouse-waf';

sub available () { return -x $program }

# A directory with these files; it goes when nobody has it any more.
sub in_files (%files) {
    my $directory = File::Temp->newdir('gatehouse-waf-XXXXXX', TMPDIR => 1);
    spew("$directory/$_", $files{$_}) for keys %files;
    return $directory;
}

sub spew ($path, $text) {
    make_path(dirname($path));
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $text;
    close $file or die "$path: $!";
}

# The exit status and what was said, on standard output and standard error.
sub tool_errors ($directory, @arguments) {
    my $errors = File::Temp->new;
    open my $nothing, '<', '/dev/null' or die "/dev/null: $!";
    my $pid = open3('<&' . fileno $nothing, my $output, '>&' . fileno $errors, '/bin/sh', '-c',
        'cd "$1" && shift && exec "$@"', 'sh', "$directory", $program, @arguments);
    local $/;
    my $text = <$output> // '';
    waitpid $pid, 0;
    my $status = $? & 127 ? "signal $?" : $? >> 8;
    seek $errors, 0, 0;
    return ($status, $text, <$errors> // '');
}

sub tool ($directory, @arguments) { return (tool_errors($directory, @arguments))[0, 1] }

1;
