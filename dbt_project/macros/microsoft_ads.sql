{# What is peculiar to Microsoft Advertising. #}

{% macro microsoft_ads_status(expression) -%}
    case {{ expression }} when 'Active' then 'active' when 'Deleted' then 'removed' else 'paused' end
{%- endmacro %}

{# Microsoft names its time zones by cities; the IANA name of the zone that holds the first of them. Null for a name that
   Microsoft has added since: the data test on time_zone says so. #}
{% macro microsoft_ads_time_zone(expression) -%}
    {%- set zones = {
        'Nukualofa': 'Pacific/Tongatapu', 'FijiKamchatkaMarshallIsland': 'Pacific/Fiji',
        'AucklandWellington': 'Pacific/Auckland', 'SolomonIslandNewCaledonia': 'Pacific/Guadalcanal',
        'Vladivostok': 'Asia/Vladivostok', 'Hobart': 'Australia/Hobart', 'GuamPortMoresby': 'Pacific/Guam',
        'CanberraMelbourneSydney': 'Australia/Sydney', 'Brisbane': 'Australia/Brisbane', 'Darwin': 'Australia/Darwin',
        'Adelaide': 'Australia/Adelaide', 'Yakutsk': 'Asia/Yakutsk', 'Seoul': 'Asia/Seoul', 'OsakaSapporoTokyo': 'Asia/Tokyo',
        'Taipei': 'Asia/Taipei', 'Perth': 'Australia/Perth', 'KualaLumpurSingapore': 'Asia/Singapore',
        'IrkutskUlaanBataar': 'Asia/Irkutsk', 'BeijingChongqingHongKongUrumqi': 'Asia/Shanghai',
        'Krasnoyarsk': 'Asia/Krasnoyarsk', 'BangkokHanoiJakarta': 'Asia/Bangkok', 'Rangoon': 'Asia/Yangon',
        'SriJayawardenepura': 'Asia/Colombo', 'AstanaDhaka': 'Asia/Dhaka', 'AlmatyNovosibirsk': 'Asia/Almaty',
        'Kathmandu': 'Asia/Kathmandu', 'ChennaiKolkataMumbaiNewDelhi': 'Asia/Kolkata',
        'IslamabadKarachiTashkent': 'Asia/Karachi', 'Ekaterinburg': 'Asia/Yekaterinburg', 'Kabul': 'Asia/Kabul',
        'BakuTbilisiYerevan': 'Asia/Baku', 'AbuDhabiMuscat': 'Asia/Dubai', 'Tehran': 'Asia/Tehran',
        'Nairobi': 'Africa/Nairobi', 'MoscowStPetersburgVolgograd': 'Europe/Moscow', 'KuwaitRiyadh': 'Asia/Riyadh',
        'Baghdad': 'Asia/Baghdad', 'Jerusalem': 'Asia/Jerusalem',
        'HelsinkiKyivRigaSofiaTallinnVilnius': 'Europe/Helsinki', 'HararePretoria': 'Africa/Johannesburg',
        'Cairo': 'Africa/Cairo', 'Bucharest': 'Europe/Bucharest', 'AthensBuckarestIstanbul': 'Europe/Athens',
        'WestCentralAfrica': 'Africa/Lagos', 'SarajevoSkopjeWarsawZagreb': 'Europe/Warsaw',
        'BrusselsCopenhagenMadridParis': 'Europe/Paris', 'BelgradeBratislavaBudapestLjubljanaPrague': 'Europe/Budapest',
        'AmsterdamBerlinBernRomeStockholmVienna': 'Europe/Berlin', 'CasablancaMonrovia': 'Africa/Casablanca',
        'GreenwichMeanTimeDublinEdinburghLisbonLondon': 'Europe/London', 'Azores': 'Atlantic/Azores',
        'CapeVerdeIsland': 'Atlantic/Cape_Verde', 'MidAtlantic': 'Atlantic/South_Georgia', 'Brasilia': 'America/Sao_Paulo',
        'BuenosAiresGeorgetown': 'America/Argentina/Buenos_Aires', 'Greenland': 'America/Nuuk',
        'Newfoundland': 'America/St_Johns', 'AtlanticTimeCanada': 'America/Halifax', 'CaracasLaPaz': 'America/Caracas',
        'Santiago': 'America/Santiago', 'BogotaLimaQuito': 'America/Bogota', 'EasternTimeUSCanada': 'America/New_York',
        'IndianaEast': 'America/Indiana/Indianapolis', 'CentralAmerica': 'America/Guatemala',
        'CentralTimeUSCanada': 'America/Chicago', 'GuadalajaraMexicoCityMonterrey': 'America/Mexico_City',
        'Saskatchewan': 'America/Regina', 'Arizona': 'America/Phoenix', 'ChihuahuaLaPazMazatlan': 'America/Mazatlan',
        'MountainTimeUSCanada': 'America/Denver', 'PacificTimeUSCanadaTijuana': 'America/Los_Angeles',
        'Alaska': 'America/Anchorage', 'Hawaii': 'Pacific/Honolulu', 'MidwayIslandAndSamoa': 'Pacific/Pago_Pago',
        'InternationalDateLineWest': 'Etc/GMT+12',
    } -%}
    case {{ expression }}
        {%- for theirs, iana in zones.items() %}
        when '{{ theirs }}' then '{{ iana }}'
        {%- endfor %}
    end
{%- endmacro %}
