#!/usr/bin/perl
# Puts operations into Request Tracker through RT's own Perl API, each at its own instant.
#
#   perl -I /usr/share/request-tracker5/lib loader.pl FILE        (RT_SITE_CONFIG names the home's configuration)
#
# FILE holds JSON lines, one operation a line, in the order in which they are to happen (operations.py writes it).
# Prints one JSON object: how many of each operation were done, how many said "already so", and what 'token' made.
#
# The clock: every "now" inside RT comes from Perl's time, gmtime and localtime, so these three are replaced before any
# of RT is compiled. Measured against a process per instant under faketime: the same rows, a tenth of the time.
# One database transaction holds many operations; a failed operation ends the whole run and nothing of that batch stays.

use strict;
use warnings;

our $clock;    # seconds since 1970; undef: the real clock

BEGIN {
    no warnings 'once';
    *CORE::GLOBAL::time      = sub () { defined $main::clock ? $main::clock : CORE::time() };
    *CORE::GLOBAL::gmtime    = sub (;$) { CORE::gmtime( @_ ? $_[0] : defined $main::clock ? $main::clock : CORE::time() ) };
    *CORE::GLOBAL::localtime = sub (;$) { CORE::localtime( @_ ? $_[0] : defined $main::clock ? $main::clock : CORE::time() ) };
}

use Encode ();
use JSON ();
use MIME::Entity;
use RT;

RT->LoadConfig;
RT->Init;

# 0 means one database transaction for the whole file, and that nobody else writes meanwhile.
# While the server runs, a small number keeps the database's lock short.
my $together = $ENV{OPERATIONS_TOGETHER} // 0;

# Savings that change no row; together they halve the time. Values stay in the statement's text (taking them out costs more
# than SQLite's parsing); statements that recur are prepared once; a service level's arithmetic, which enumerates every
# second of its span and is asked for after each transaction of a ticket, is remembered; and as long as nobody else writes,
# records once read stay known although the clock jumps by hours between two operations.
{
    no warnings qw(redefine once);
    $DBIx::SearchBuilder::PREFER_BIND = 0;
    require RT::SLA;
    require Business::Hours;
    my ( %remembered, %hours );
    my $business_hours = RT::SLA->can('BusinessHours');
    *RT::SLA::BusinessHours = sub { my ( $self, $name ) = @_; $hours{ $name // '' } //= $business_hours->( $self, $name ) };
    for my $method (qw(add_seconds first_after between)) {
        my $original = Business::Hours->can($method);
        no strict 'refs';
        *{"Business::Hours::$method"} = sub {
            my ( $self, @instants ) = @_;
            return $remembered{ join '|', $method, 0 + $self, $ENV{TZ} // '', @instants } //= $original->( $self, @instants );
        };
    }
    my $simple_query = DBIx::SearchBuilder::Handle->can('SimpleQuery');
    *DBIx::SearchBuilder::Handle::SimpleQuery = sub {
        my ( $self, $text, @values ) = @_;
        return $simple_query->( $self, $text, @values ) if !@values || grep { ref } @values;
        my $statement = $self->dbh->prepare_cached( $text, undef, 3 );
        $statement->execute(@values);
        return $statement;
    };
    unless ($together) {
        *RT::Record::_CacheConfig = sub { { cache_p => 1, cache_for_sec => 10**9 } };
    }
}

my $json = JSON->new->utf8->canonical;
my ( %users, %queues, %fields, %done, %already, @tokens );
my $file = shift @ARGV or die "usage: loader.pl FILE\n";

sub must {
    my ( $what, $ok, @message ) = @_;
    die "$what: " . join( ' ', grep { defined } @message ) . "\n" unless $ok;
    return $ok;
}

# The RT account that acts: an e-mail address, or nothing for RT itself.
sub actor {
    my ($name) = @_;
    return RT->SystemUser unless defined $name;
    return $users{$name} //= do {
        my $user = RT::CurrentUser->new;
        $user->LoadByName($name);
        must( "account $name", $user->id, 'is not known' );
        $user;
    };
}

sub queue {
    my ($name) = @_;
    return $queues{$name} //= do {
        my $queue = RT::Queue->new( RT->SystemUser );
        $queue->Load($name);
        must( "queue $name", $queue->id, 'is not known' );
        $queue;
    };
}

sub custom_field {
    my ($name) = @_;
    return $fields{$name} //= do {
        my $field = RT::CustomField->new( RT->SystemUser );
        $field->LoadByName( Name => $name, LookupType => RT::Ticket->CustomFieldLookupType, IncludeGlobal => 1 );
        must( "custom field $name", $field->id, 'is not known' );
        $field;
    };
}

sub message {
    my ( $subject, $text ) = @_;
    return MIME::Entity->build(
        Type     => 'text/plain',
        Charset  => 'UTF-8',
        Encoding => '8bit',
        Subject  => Encode::encode( 'MIME-Header', $subject ),
        Data     => [ Encode::encode( 'UTF-8', $text ) ],
    );
}

# RT's mail gateway and its forms do this before they create a ticket; Correspond and Comment do it themselves.
sub in_utf8 { my ($entity) = @_; RT::I18N::SetMIMEEntityToUTF8($entity); return $entity }

sub ticket {
    my ($operation) = @_;
    my $ticket = RT::Ticket->new( actor( $operation->{by} ) );
    # By its own row and not by Load, which would follow a merge.
    $ticket->LoadById( $operation->{ticket} );
    return must( "ticket $operation->{ticket}", $ticket->id, 'is not known' ) && $ticket;
}

sub note {
    my ( $operation, $method ) = @_;
    my $ticket = ticket($operation);
    my ( $id, $message ) = $ticket->$method( MIMEObj => message( 'Re: ' . $ticket->Subject, $operation->{text} ) );
    return must( "$method on ticket $operation->{ticket}", $id, $message );
}

# Says whether RT changed anything; asking for the state a ticket is already in is not an error.
sub change {
    my ( $operation, $is_so, $method, @arguments ) = @_;
    my $ticket = ticket($operation);
    if ( $is_so->($ticket) ) { $already{ $operation->{do} }++; return 0 }
    my ( $ok, $message ) = $ticket->$method(@arguments);
    return must( "$method on ticket $operation->{ticket}", $ok, $message );
}

my %verbs = (
    user => sub {
        my ($operation) = @_;
        my $user = RT::User->new( RT->SystemUser );
        $user->LoadByCols( Name => $operation->{name} );
        if ( $user->id ) { $already{user}++; return 0 }
        my ( $id, $message ) = $user->Create(
            Name       => $operation->{name},
            Privileged => $operation->{privileged} ? 1 : 0,
            map { my $key = $_; ( $key => $operation->{ lc $key } // '' ) } grep { defined $operation->{ lc $_ } } qw(EmailAddress RealName Organization Timezone Country City),
        );
        return must( "account $operation->{name}", $id, $message );
    },
    group => sub {
        my ($operation) = @_;
        my $group = RT::Group->new( RT->SystemUser );
        $group->LoadUserDefinedGroup( $operation->{name} );
        unless ( $group->id ) {
            my ( $id, $message ) = $group->CreateUserDefinedGroup( Name => $operation->{name} );
            must( "group $operation->{name}", $id, $message );
        }
        for my $member ( @{ $operation->{members} // [] } ) {
            my $principal = actor($member)->PrincipalId;
            next if $group->HasMember($principal);
            must( "member $member", $group->AddMember($principal) );
        }
        for my $right ( @{ $operation->{rights} // [] } ) {
            next if $group->PrincipalObj->HasRight( Right => $right, Object => RT->System );
            must( "right $right", $group->PrincipalObj->GrantRight( Right => $right, Object => RT->System ) );
        }
        return 1;
    },
    role => sub {    # rights of a system role ('Requestor') or group ('Unprivileged'), everywhere
        my ($operation) = @_;
        my $group = RT::Group->new( RT->SystemUser );
        if   ( $operation->{name} eq 'Requestor' ) { $group->LoadRoleGroup( Object => RT->System, Name => 'Requestor' ) }
        else                                       { $group->LoadSystemInternalGroup( $operation->{name} ) }
        for my $right ( @{ $operation->{rights} } ) {
            next if $group->PrincipalObj->HasRight( Right => $right, Object => RT->System );
            must( "right $right", $group->PrincipalObj->GrantRight( Right => $right, Object => RT->System ) );
        }
        return 1;
    },
    queue => sub {
        my ($operation) = @_;
        my $queue = RT::Queue->new( RT->SystemUser );
        $queue->Load( $operation->{name} );
        if ( $queue->id ) { $already{queue}++; return 0 }
        my ( $id, $message ) = $queue->Create( Name => $operation->{name}, Description => $operation->{description}, SLADisabled => 0 );
        return must( "queue $operation->{name}", $id, $message );
    },
    custom_field => sub {
        my ($operation) = @_;
        my $field = RT::CustomField->new( RT->SystemUser );
        $field->LoadByName( Name => $operation->{name}, LookupType => RT::Ticket->CustomFieldLookupType, IncludeGlobal => 1 );
        if ( $field->id ) { $already{custom_field}++; return 0 }
        my $values = $operation->{values} // [];
        my ( $id, $message ) = $field->Create(
            Name => $operation->{name}, Type => @$values ? 'SelectSingle' : 'FreeformSingle', LookupType => RT::Ticket->CustomFieldLookupType,
            Description => $operation->{description} // '',
        );
        must( "custom field $operation->{name}", $id, $message );
        my $order = 0;
        for my $value (@$values) { must( "value $value", $field->AddValue( Name => $value, SortOrder => ++$order ) ) }
        return must( "custom field $operation->{name}", $field->AddToObject( RT::Queue->new( RT->SystemUser ) ) );
    },
    notice => sub {    # a text of each queue that its automatic reply shows
        my ($operation) = @_;
        my $field = RT::CustomField->new( RT->SystemUser );
        $field->LoadByCols( Name => $operation->{name}, LookupType => 'RT::Queue' );
        if ( $field->id ) { $already{notice}++; return 0 }
        my ( $id, $message ) = $field->Create(
            Name => $operation->{name}, Type => 'TextSingle', LookupType => 'RT::Queue', Description => $operation->{description},
        );
        must( "custom field $operation->{name}", $id, $message );
        must( "custom field $operation->{name}", $field->AddToObject( RT::Queue->new( RT->SystemUser ) ) );
        my $template = RT::Template->new( RT->SystemUser );
        $template->LoadGlobalTemplate( $operation->{template} );
        my $shown = $template->Content;
        $shown =~ s/\n\n/\n\n{ \$Ticket->QueueObj->FirstCustomFieldValue('$operation->{name}') }\n\n/;
        return must( "template $operation->{template}", $template->SetContent($shown) );
    },
    quiet => sub {
        # No mail leaves the sandbox, and writing mails nobody gets costs two thirds of a load; the history says itself
        # when a ticket was reopened, so the scrip that reopens on any reply would add events that never happened.
        my $scrips = RT::Scrips->new( RT->SystemUser );
        $scrips->UnLimit;
        while ( my $scrip = $scrips->Next ) {
            next if $scrip->Description =~ /SLA/;
            $scrip->SetDisabled(1) unless $scrip->Disabled;
        }
        return 1;
    },
    create => sub {
        my ($operation) = @_;
        my $ticket = RT::Ticket->new( actor( $operation->{by} ) );
        my ( $id, $transaction, $message ) = $ticket->Create(
            ( $operation->{ticket} ? ( id => $operation->{ticket} ) : () ),
            Queue     => queue( $operation->{queue} )->id,
            Subject   => $operation->{subject},
            Requestor => [ $operation->{requestor} ],
            Status    => 'new',
            Priority  => $operation->{priority},
            InitialPriority => $operation->{priority},
            ( defined $operation->{level} ? ( SLA => $operation->{level} ) : () ),
            MIMEObj => in_utf8( message( $operation->{subject}, $operation->{text} ) ),
            map { ( 'CustomField-' . custom_field($_)->id => $operation->{fields}{$_} ) } sort keys %{ $operation->{fields} // {} },
        );
        must( 'a ticket of ' . $operation->{requestor}, $id, $message );
        die "ticket $operation->{ticket} became $id\n" if $operation->{ticket} && $operation->{ticket} != $id;
        return $id;
    },
    public_reply => sub { note( $_[0], 'Correspond' ) },
    private_note => sub { note( $_[0], 'Comment' ) },
    status       => sub { my ($operation) = @_; change( $operation, sub { $_[0]->Status eq $operation->{value} }, 'SetStatus', $operation->{value} ) },
    team         => sub {
        my ($operation) = @_;
        my $queue = queue( $operation->{value} );
        change( $operation, sub { $_[0]->Queue == $queue->id }, 'SetQueue', $queue->id );
    },
    assignee => sub {
        my ($operation) = @_;
        my $owner = actor( $operation->{value} )->id;
        change( $operation, sub { $_[0]->Owner == $owner }, 'SetOwner', $owner, 'Force' );
    },
    priority => sub { my ($operation) = @_; change( $operation, sub { $_[0]->Priority == $operation->{value} }, 'SetPriority', $operation->{value} ) },
    level    => sub { my ($operation) = @_; change( $operation, sub { ( $_[0]->SLA // '' ) eq $operation->{value} }, 'SetSLA', $operation->{value} ) },
    field    => sub {
        my ($operation) = @_;
        my $field = custom_field( $operation->{name} );
        my $is_so = sub { ( $_[0]->FirstCustomFieldValue( $operation->{name} ) // '' ) eq $operation->{value} };
        change( $operation, $is_so, 'AddCustomFieldValue', Field => $field->id, Value => $operation->{value} );
    },
    merge => sub {
        my ($operation) = @_;
        my ( $ok, $message ) = ticket($operation)->MergeInto( $operation->{into} );
        return must( "merge of ticket $operation->{ticket}", $ok, $message );
    },
    password => sub {
        my ($operation) = @_;
        my $user = RT::User->new( RT->SystemUser );
        $user->Load( $operation->{name} );
        return must( "password of $operation->{name}", $user->SetPassword( $operation->{password} ) );
    },
    token => sub {
        my ($operation) = @_;
        my $owner = actor( $operation->{name} );
        my $old = RT::AuthTokens->new( RT->SystemUser );
        $old->LimitOwner( VALUE => $owner->id );
        while ( my $token = $old->Next ) { must( 'an old token', $token->Delete ) }
        my ( $id, $message, $text ) = RT::AuthToken->new( RT->SystemUser )->Create( Owner => $owner->id, Description => 'Meridian' );
        must( "token of $operation->{name}", $id, $message );
        push @tokens, { name => $operation->{name}, token => $text };
        return 1;
    },
    revoke => sub {
        my ($operation) = @_;
        my $old = RT::AuthTokens->new( RT->SystemUser );
        $old->LimitOwner( VALUE => actor( $operation->{name} )->id );
        while ( my $token = $old->Next ) { must( 'an old token', $token->Delete ) }
        return 1;
    },
);

open my $lines, '<', $file or die "$file: $!\n";
my ( $number, $inside ) = ( 0, 0 );
while ( my $line = <$lines> ) {
    my $operation = $json->decode($line);
    my $verb = $verbs{ $operation->{do} } or die "line $.: no operation is called '$operation->{do}'\n";
    unless ($inside) { $RT::Handle->BeginTransaction; $inside = 1 }
    $clock = $operation->{at};
    eval { $verb->($operation) and $done{ $operation->{do} }++; 1 } or do {
        my $error = $@;
        $RT::Handle->ForceRollback;
        die "operation $.: $error";
    };
    if ( $together && ++$number % $together == 0 ) { $RT::Handle->Commit; $inside = 0 }
}
$RT::Handle->Commit if $inside;
print $json->encode( { done => \%done, already => \%already, tokens => \@tokens } ), "\n";
