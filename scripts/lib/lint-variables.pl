# Checks that the variables of the modules meet: what the code provides is what README.md documents,
# and nobody reads another one; that their words are those of modules/base/status.hpp.
#
# usage: perl lint-variables.pl modules/<module>...   (from the repository's root)
#
# A variable is documented in the section of a README.md that has "Variables" in its name. A name
# that ends with "name" there, or with a number, stands for all with that prefix.

use v5.36;

sub slurp ($path) {
    open my $in, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$in>;
}

# Values of the constants of a text: names, and words.
sub constants ($text) { return $text =~ /\bconstexpr std::string_view (k\w+) = "([^"]*)"/g }

my %shared = constants(slurp('modules/base/status.hpp'));
my @errors;

# What a folder provides: exact names, and prefixes, which end with "_".
sub provided ($folder) {
    my @names;
    for my $text (map { slurp($_) } glob "$folder/*.cpp") {
        my %constant = (%shared, constants($text));
        while ($text =~ /\badd_variable\(\s*\w+,\s*(?:"(\w+)"|(?:base::)?(k\w+))/g) {
            push @names, $1 // $constant{$2} // die "$folder: what is $2?\n";
        }
        # Those that are made of others: see modules/ngx/address_variables.cpp.
        my ($sources) = $text =~ /kSources\{([^}]*)\}/ or next;
        push @names, map { "${_}_prefix_" } $sources =~ /"(\w+)"/g;
    }
    return @names;
}

# The section about variables: of each entry the names that it begins with, and its text.
sub entries ($folder) {
    my $readme = "$folder/README.md";
    my ($section) = -e $readme ? slurp($readme) =~ /^## [^\n]*Variables\n(.*?)(?=^## |\z)/ms : ();
    my @entries;
    while (($section // '') =~ /^(?:- )?((?:`\$\w+`(?:, )?)+)(.*?)(?=^(?:- )?`\$|\z)/gms) {
        my ($head, $text) = ($1, $2);
        push @entries, [[$head =~ /\$(\w+)/g], $text];
    }
    return @entries;
}

sub generic ($name) { return $name =~ s/_(?:name|\d+)\z/_/r }
sub is_one_of ($name, @provided) {
    return grep { $_ eq $name || /_\z/ && $name =~ /\A\Q$_\E\w+\z/ || $_ eq generic($name) } @provided;
}

my %provided = map { ($_ => [provided($_)]) } @ARGV;
my %entries  = map { ($_ => [entries($_)]) } @ARGV;
my @ours     = map { @$_ } values %provided;

for my $folder (@ARGV) {
    # What all modules share is in the README of those that add it.
    my @documented = map { $_->[0]->@* } -e "$folder/README.md" ? $entries{$folder}->@* : map { @$_ } values %entries;
    for my $name ($provided{$folder}->@*) {
        push @errors, "$folder: no README.md has \"\$$name\" among its variables"
            unless grep { $_ eq $name || generic($_) eq $name } @documented;
    }
    push @errors, map { "$folder/README.md: nobody provides \"\$$_\"" }
        grep { !is_one_of($_, @ours) } map { $_->[0]->@* } $entries{$folder}->@*;
}

# The words of each status: those of the code, and those of the README.
my %words;
for my $folder (@ARGV) {
    my ($status) = grep { /_status\z/ } $provided{$folder}->@* or next;
    my @said = map { $shared{$_} } slurp("$folder/variables.cpp") =~ /\bbase::(k\w+)/g;
    $words{$status} = { map { ($_ => 1) } grep { /\A[A-Z_]+\z/ } @said };
    my ($text) = map { $_->[1] } grep { $_->[0][0] eq $status } $entries{$folder}->@*;
    my %named = map { ($_ => 1) } ($text // '') =~ /`([A-Z][A-Z_]+)`/g;
    push @errors, map { "$folder/README.md: \"\$$status\" is also \"$_\"" } grep { !$named{$_} } sort keys $words{$status}->%*;
    push @errors, map { "$folder/README.md: \"\$$status\" is never \"$_\"" } grep { !$words{$status}{$_} } sort keys %named;
}

# Names of ours that somebody reads: in configurations and texts, and in code.
my $family = qr/(?:auth_jwt|jwt|rate_limit|connection_limit|modsecurity|waf)_\w+|\w+_addr_prefix_\w+/;
for my $path (glob 'README.md modules/*/*.md conf/*.conf conf/*/*.conf modules/*/*.cpp') {
    my $text = slurp($path);
    my %own  = map { ($_ => 1) } $text =~ /^\s*(?:set|auth_jwt_\w+_set|(?:map|geo)\b[^{;]*) \$(\w+)/gm;
    my @read = $path =~ /\.cpp\z/
        ? $text =~ /\bindex_if_provided\(\s*\w+,\s*"(\w+)"/g
        : $text =~ /\$\{?($family)/g;
    push @errors, map { "$path: nobody provides \"\$$_\"" } grep { !$own{$_} && !is_one_of($_, @ours) } @read;
    while ($text =~ /`\$(\w+_status)` is `([A-Z_]+)`/g) {
        push @errors, "$path: \"\$$1\" is never \"$2\"" unless $words{$1} && $words{$1}{$2};
    }
}

my %seen;
say for grep { !$seen{$_}++ } @errors;
exit(@errors > 0);
