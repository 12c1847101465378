#!/bin/sh
# A player buys a coin pack, spends some coins and gets money back: the shortest guide to the API.
# Needs curl and a running `guildbank up` with its demo tenant. Takes the keys, and the address
# unless GUILDBANK_URL names another, from GUILDBANK_DATA/credentials.json.
set -eu

data=${GUILDBANK_DATA:-.guildbank}
# One run, one set of keys: each step may be sent again and happens once.
run=$(date +%s)-$$

fail() {
    printf '\nfirst_purchase: %s\n' "$1" >&2
    exit 1
}

step() {
    printf '\n%s\n' "$1"
}

# field NAME: the first value of that name in the JSON on standard input that is not null.
field() {
    grep -oE "\"$1\" *: *(\"[^\"]*\"|-?[0-9]+|true|false)" | sed -n '1s/^[^:]*: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p'
}

# expect WHAT FOUND WANTED
expect() {
    [ "$2" = "$3" ] || fail "$1 should be $3 and is '$2'."
    printf '  %s: %s\n' "$1" "$2"
}

# call KEY METHOD PATH [BODY [IDEMPOTENCY-KEY]]: the answer's body; anything but 2xx ends the run.
call() {
    key=$1 method=$2 path=$3 body=${4:-} once=${5:-}
    set -- --silent --show-error --max-time 30 --noproxy '*' --request "$method" \
        --header "Authorization: Bearer $key" --write-out '\n%{http_code}'
    [ -z "$body" ] || set -- "$@" --header 'Content-Type: application/json' --data "$body"
    [ -z "$once" ] || set -- "$@" --header "Idempotency-Key: $once"
    answer=$(curl "$@" "$url$path") || fail "nothing answers at $url; is 'guildbank up' running?"
    status=$(printf '%s\n' "$answer" | sed -n '$p')
    answer=$(printf '%s\n' "$answer" | sed '$d')
    case $status in
        2??) printf '%s\n' "$answer" ;;
        *) fail "$method $path answered $status: $answer" ;;
    esac
}

command -v curl >/dev/null || fail "curl is missing."
[ -r "$data/credentials.json" ] || fail "cannot read $data/credentials.json; run 'guildbank up', or name its folder in GUILDBANK_DATA."
secret=$(field secretKey <"$data/credentials.json")
[ -n "$secret" ] || fail "$data/credentials.json holds no demo tenant; was 'up' run with --no-demo?"
url=${GUILDBANK_URL:-$(field url <"$data/credentials.json")}
url=${url%/}

step "1. The game server adds a player by its own id, and mints a token for the player's client."
added=$(call "$secret" POST /v1/players "{\"externalId\": \"first-purchase-$run\"}")
player=$(printf '%s\n' "$added" | field id)
minted=$(call "$secret" POST "/v1/players/$player/tokens")
token=$(printf '%s\n' "$minted" | field token)
[ -n "$token" ] || fail "no player token came back."
printf '  player: %s\n' "$player"

step "2. The player's client looks at what is for sale."
packs=$(call "$token" GET /v1/packs)
pack=$(printf '%s\n' "$packs" | field id)
expect "coins in the first pack" "$(printf '%s\n' "$packs" | field coins)" 100
expect "price in EUR" "$(printf '%s\n' "$packs" | field amount)" 4.99

step "3. It buys the pack through the sandbox provider, which pays at once."
order="{\"packId\": \"$pack\", \"currency\": \"EUR\", \"provider\": \"sandbox\", \"method\": \"instant\"}"
bought=$(call "$token" POST /v1/payments "$order" "buy-$run")
payment=$(printf '%s\n' "$bought" | field id)
printf '  payment: %s\n' "$payment"
tries=0
while :; do
    bought=$(call "$token" GET "/v1/payments/$payment")
    state=$(printf '%s\n' "$bought" | field state)
    case $state in
        credited) break ;;
        failed | canceled | expired | conflicted) fail "the payment ended as $state: $bought" ;;
    esac
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "the payment is still $state after a minute: $bought"
    sleep 1
done
printf '  state: %s\n' "$state"
balance=$(call "$token" GET "/v1/players/$player/balances")
expect "coins in the wallet, 10 of them a bonus" "$(printf '%s\n' "$balance" | field total)" 110

step "4. The game server spends 30 coins, and asks which coins they were and what paid for them."
order="{\"playerId\": \"$player\", \"currency\": \"GEM\", \"amount\": 30}"
spent=$(call "$secret" POST /v1/spends "$order" "spend-$run")
expect "coins left" "$(printf '%s\n' "$spent" | field balance)" 80
again=$(call "$secret" POST /v1/spends "$order" "spend-$run")
expect "coins left after the same call again" "$(printf '%s\n' "$again" | field balance)" 80
transaction=$(printf '%s\n' "$spent" | field transactionId)
why=$(call "$secret" GET "/v1/transactions/$transaction")
expect "payment behind the spent coins" "$(printf '%s\n' "$why" | field paymentId)" "$payment"

step "5. The player wants 2.00 EUR back: money and coins go back together."
order='{"amount": {"amount": "2.00", "currency": "EUR"}, "reason": "bought too many"}'
refunded=$(call "$secret" POST "/v1/payments/$payment/refunds" "$order" "refund-$run")
refund=$(printf '%s\n' "$refunded" | field id)
tries=0
while :; do
    refunded=$(call "$secret" GET "/v1/refunds/$refund")
    state=$(printf '%s\n' "$refunded" | field state)
    [ "$state" != succeeded ] || break
    [ "$state" != failed ] || fail "the refund failed: $refunded"
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "the refund is still $state after a minute: $refunded"
    sleep 1
done
coins=$(printf '%s\n' "$refunded" | field coins)
bonus=$(printf '%s\n' "$refunded" | field bonusCoins)
printf '  refunded: 2.00 EUR for %s coins and %s of the bonus\n' "$coins" "$bonus"
balance=$(call "$token" GET "/v1/players/$player/balances")
expect "coins left" "$(printf '%s\n' "$balance" | field total)" "$((80 - coins - bonus))"

step "6. The player's statement, newest first:"
statement=$(call "$token" GET "/v1/players/$player/statement")
printf '%s\n' "$statement" | sed 's/},{/}\
{/g' | while read -r line; do
    printf '  %-26s %-6s %6s  balance %6s\n' "$(printf '%s\n' "$line" | field kind)" \
        "$(printf '%s\n' "$line" | field bucket)" "$(printf '%s\n' "$line" | field amount)" \
        "$(printf '%s\n' "$line" | field total)"
done

step "7. The proof: every unit is accounted for, and money stands behind the coins."
proof=$(call "$secret" GET /v1/proof)
expect "books in order" "$(printf '%s\n' "$proof" | field ok)" true
printf '\nDone. The whole API is at %s/docs\n' "$url"
