# Checks that a module's command tables, its README.md and its tests name the same directives.
#
# usage: perl lint-docs.pl modules/<module>...   (from the repository's root)
#
# A directive is documented in a section of its own, with lines Syntax:, Default: and Context:;
# the heading names it. A section with a Syntax: line documents a directive and nothing else.

use v5.36;
use File::Basename 'basename';

sub slurp ($path) {
    open my $in, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$in>;
}

# The directives of every command table in the module's adapter.
sub directives (@sources) {
    my %found;
    for my $path (@sources) {
        my $text = slurp($path);
        while ($text =~ /\bngx_command_t\b[^=;]*=\s*\{(.*?)\bngx_null_command\b/gs) {
            my $table = $1;
            $found{$1} = $path while $table =~ /\{\s*ngx_string\("([^"]+)"\)/g;
        }
    }
    return %found;
}

# Heading and text of every section of a Markdown file.
sub sections ($text) {
    my @sections;
    my $fenced = 0;
    for my $line (split /\n/, $text) {
        $fenced = !$fenced if $line =~ /^\s*```/;
        if (!$fenced && $line =~ /^#+\s+(.*)/) {
            push @sections, [$1, ''];
        } elsif (@sections) {
            $sections[-1][1] .= "$line\n";
        }
    }
    return @sections;
}

my @errors;
for my $folder (@ARGV) {
    my %table  = directives(glob "$folder/*.cpp $folder/*.hpp") or next;
    my $module = basename($folder);
    my $readme = "$folder/README.md";
    if (!-e $readme) {
        push @errors, "$readme is missing";
        next;
    }
    my $tests = join '', map { slurp($_) } glob "t/$module/*.t";

    my %documented;
    for (sections(slurp($readme))) {
        my ($heading, $text) = @$_;
        my @names = $heading =~ /\b([a-z][a-z0-9_]*)\b/g;
        my @lines = grep { $text =~ /\b$_:/ } qw(Syntax Default Context);
        for my $name (grep { $table{$_} } @names) {
            $documented{$name} = 1 if @lines == 3;
        }
        push @errors, "$readme: \"$heading\" is documented but in no command table of $folder"
            if (grep { $_ eq 'Syntax' } @lines) && !grep { $table{$_} } @names;
    }

    for my $name (sort keys %table) {
        push @errors, "$readme: no section with Syntax:, Default: and Context: for \"$name\""
            unless $documented{$name};
        push @errors, "t/$module: no test uses \"$name\"" unless $tests =~ /\b$name\b/;
    }
}

say for @errors;
exit(@errors > 0);
